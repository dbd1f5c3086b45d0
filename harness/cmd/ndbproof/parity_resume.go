package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"reflect"

	"ndbproof/harness/parity"
	"ndbproof/harness/run"
	"ndbproof/harness/topology"
)

// noted is the file that --resume names: which comparison it is of, and which
// tables are done.
type noted struct {
	Source    string               `json:"source"` // server_uuid: an address may be another server's tomorrow
	Replica   string               `json:"replica"`
	Databases []string             `json:"databases"`
	Live      bool                 `json:"live"`
	Tables    []parity.TableReport `json:"tables"`
}

// goOn takes up what was noted of an earlier comparison of the same two servers.
func (a *asked) goOn(ctx context.Context, source, replica *sql.DB) error {
	if a.resume == "" {
		return nil
	}
	var servers [2]string
	for i, db := range []*sql.DB{source, replica} {
		var err error
		if servers[i], err = parity.Server(ctx, db); err != nil {
			return fmt.Errorf("ask the %s who it is: %w", topology.Sides[i], err)
		}
	}
	if err := resume(a, servers[0], servers[1]); err != nil {
		return &run.Usage{Err: err}
	}
	return nil
}

// resume takes up what the file notes, and has every further table noted there.
func resume(a *asked, source, replica string) error {
	n := noted{Source: source, Replica: replica, Databases: a.options.Databases, Live: a.live}
	b, err := os.ReadFile(a.resume)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return fmt.Errorf("parity: --resume: %w", err)
	default:
		var was noted
		if err := json.Unmarshal(b, &was); err != nil {
			return fmt.Errorf("parity: --resume %s: it is not what this command has written: %w", a.resume, err)
		}
		n.Tables, was.Tables = was.Tables, nil
		if !reflect.DeepEqual(was, noted{n.Source, n.Replica, n.Databases, n.Live, nil}) {
			return fmt.Errorf("parity: --resume %s: it notes a comparison of %s with %s (databases %v, live %t): give another file",
				a.resume, was.Source, was.Replica, was.Databases, was.Live)
		}
	}
	a.options.Finished = n.Tables
	a.options.Finish = func(t parity.TableReport) error {
		n.Tables = append(n.Tables, t)
		return n.write(a.resume)
	}
	return nil
}

// write replaces the file, so that it is whole whenever the command is killed.
func (n noted) write(name string) error {
	b, err := json.MarshalIndent(n, "", "  ")
	if err == nil {
		err = os.WriteFile(name+".part", b, 0o600)
	}
	if err == nil {
		err = os.Rename(name+".part", name)
	}
	if err != nil {
		return fmt.Errorf("note the tables that are done: %w", err)
	}
	return nil
}
