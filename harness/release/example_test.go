package release_test

import (
	"fmt"
	"slices"

	"ndbproof/harness/release"
)

func ExampleParse() {
	r, err := release.Parse("9.7.4-fix1-cluster") // as VERSION() gives it
	fmt.Println(r, r.Line(), r.Suffix, r.Unmodified(), err)
	// Output: 9.7.4-fix1 9.7 fix1 false <nil>
}

func ExampleRelease_Compare() {
	all := []release.Release{
		release.MustParse("26.7.0"), release.MustParse("9.7.4-fix1"), release.MustParse("9.7.10"),
		release.MustParse("8.0.40"), release.MustParse("9.7.4"), release.MustParse("8.0.9"),
	}
	slices.SortFunc(all, release.Release.Compare)
	fmt.Println(all)
	// Output: [8.0.9 8.0.40 9.7.4 9.7.4-fix1 9.7.10 26.7.0]
}

func ExampleRelease_Has() {
	for _, s := range []string{"8.0.25", "8.4.3", "26.7.0"} {
		r := release.MustParse(s)
		fmt.Println(r, "plugin:", r.Has(release.KeyringPlugin), "component:", r.Has(release.KeyringComponent))
	}
	// Output:
	// 8.0.25 plugin: true component: true
	// 8.4.3 plugin: false component: true
	// 26.7.0 plugin: false component: true
}

func ExampleDefect_Has() {
	for _, s := range []string{"8.0.25", "9.7.4", "9.7.4-fix1"} {
		fmt.Println(s, release.F1.Has(release.MustParse(s)))
	}
	// Output:
	// 8.0.25 false
	// 9.7.4 true
	// 9.7.4-fix1 false
}
