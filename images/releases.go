package images

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"

	"ndbproof/harness/release"
)

//go:embed releases.json
var releasesJSON []byte

// Known is a release that releases.json lists.
type Known struct {
	Version release.Release `json:"version"`
	Image   string          `json:"image,omitempty"`  // to be pulled; "" when there is none
	SHA256  string          `json:"sha256,omitempty"` // of the tarball; "" when not known
}

// Listed gives the known releases, in the order of releases.json.
func Listed() ([]Known, error) { return parseListed(releasesJSON) }

var sha256Form = regexp.MustCompile(`^[0-9a-f]{64}$`)

func parseListed(b []byte) ([]Known, error) {
	var all []Known
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&all); err != nil {
		return nil, fmt.Errorf("read releases.json: %w", err)
	}
	if d.More() {
		return nil, errors.New("read releases.json: more than one list")
	}
	seen := map[release.Release]bool{}
	for _, k := range all {
		switch {
		case k.Version.IsZero():
			return nil, errors.New("read releases.json: an entry without a version")
		case seen[k.Version]:
			return nil, fmt.Errorf("read releases.json: %s stands there twice", k.Version)
		case k.SHA256 != "" && !sha256Form.MatchString(k.SHA256):
			return nil, fmt.Errorf("read releases.json: %s: %q is no sha256", k.Version, k.SHA256)
		case k.SHA256 == "" && k.Image == "":
			return nil, fmt.Errorf("read releases.json: %s has neither an image nor a tarball's sha256", k.Version)
		}
		seen[k.Version] = true
	}
	return all, nil
}

// listed finds a release; the zero Known when it is not listed.
func listed(all []Known, r release.Release) Known {
	for _, k := range all {
		if k.Version == r {
			return k
		}
	}
	return Known{}
}
