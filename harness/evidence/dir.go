package evidence

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

// Dir is the directory of a run, or a folder in it.
type Dir struct{ path string }

// Path of a file or folder in it.
func (d *Dir) Path(name string) string { return filepath.Join(d.path, filepath.FromSlash(name)) }

// Write keeps a file; folders in its name are made.
func (d *Dir) Write(name string, content []byte) error {
	p := d.Path(name)
	if err := os.MkdirAll(filepath.Dir(p), 0o750); err != nil {
		return fmt.Errorf("keep evidence %s: %w", name, err)
	}
	if err := os.WriteFile(p, content, 0o600); err != nil {
		return fmt.Errorf("keep evidence %s: %w", name, err)
	}
	return nil
}

// JSON keeps a value, indented.
func (d *Dir) JSON(name string, v any) error {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Errorf("keep evidence %s: %w", name, err)
	}
	return d.Write(name, append(b, '\n'))
}
