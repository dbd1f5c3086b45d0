package evidence

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"ndbproof/harness/secret"
)

// SearchFolder searches every file below dir for secrets. A folder without a
// file is an error: the search would prove nothing.
func SearchFolder(s *secret.Set, dir string) ([]secret.Hit, error) {
	var hits []secret.Hit
	files := 0
	err := walk(dir, func(name string, f *os.File) error {
		files++
		h, err := s.Search(name, f)
		hits = append(hits, h...)
		return err
	})
	if err == nil && files == 0 {
		err = errors.New("there is no file")
	}
	if err != nil {
		return hits, fmt.Errorf("search folder %s for secrets: %w", filepath.Base(dir), err)
	}
	return hits, nil
}
