// Package report writes what a run or an upgrade came to for its readers: tables,
// summary.md, upgrade.md and junit.xml. It judges nothing: every word follows from
// evidence.Results or compare.Report.
package report

import (
	"bytes"
	"errors"
	"fmt"

	"ndbproof/harness/evidence"
	"ndbproof/harness/upgrade/compare"
)

// Write writes results.json, summary.md and junit.xml of a concluded run. It
// goes on after an error, so that a full disk costs as few of them as can be.
func Write(dir *evidence.Dir, r evidence.Results) error {
	if r.Schema != evidence.Schema {
		return fmt.Errorf("report run %s: not concluded", dir.Name())
	}
	errs := []error{dir.FreeReserve(), dir.JSON(evidence.ResultsFile, r)}
	if md, err := Summary(r); err != nil {
		errs = append(errs, err)
	} else {
		errs = append(errs, dir.Write(evidence.SummaryFile, []byte(md)))
	}
	var b bytes.Buffer
	if err := JUnit(&b, r); err != nil {
		errs = append(errs, err)
	} else {
		errs = append(errs, dir.Write(evidence.JUnitFile, b.Bytes()))
	}
	return errors.Join(errs...)
}

// WriteUpgrade writes upgrade.json and upgrade.md of a concluded report. It goes on
// after an error, so that a full disk costs as little as can be.
func WriteUpgrade(dir *evidence.Dir, r compare.Report) error {
	if r.Schema != compare.Schema {
		return fmt.Errorf("report the upgrade of run %s: not concluded", dir.Name())
	}
	errs := []error{dir.JSON(compare.ReportFile, r)}
	md, err := Upgrade(r)
	if err == nil {
		err = dir.Write(compare.MarkdownFile, []byte(md))
	}
	return errors.Join(append(errs, err)...)
}
