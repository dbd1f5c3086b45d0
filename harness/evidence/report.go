package evidence

import (
	"bytes"
	"errors"
	"fmt"
)

// Report writes results.json, summary.md and junit.xml of a concluded run. It
// goes on after an error, so that a full disk costs as few of them as can be.
func Report(dir *Dir, r Results) error {
	if r.Schema != Schema {
		return fmt.Errorf("report run %s: not concluded", dir.Name())
	}
	errs := []error{dir.yield(), dir.JSON(ResultsFile, r)}
	if md, err := Summary(r); err != nil {
		errs = append(errs, err)
	} else {
		errs = append(errs, dir.Write(SummaryFile, []byte(md)))
	}
	var b bytes.Buffer
	if err := JUnit(&b, r); err != nil {
		errs = append(errs, err)
	} else {
		errs = append(errs, dir.Write(JUnitFile, b.Bytes()))
	}
	return errors.Join(errs...)
}
