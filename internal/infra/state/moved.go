package state

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"syslog-gateway/internal/durable"
)

// movedVersion is of a file that says where the record is instead of being it. Programs that
// do not know this refuse it as newer than they are.
const movedVersion = 2

// MovedError says that the folder's record is elsewhere.
type MovedError struct {
	Folder  string
	To      string // s3://bucket/key
	Lineage string // of the record there
}

// Error implements error.
func (e *MovedError) Error() string {
	return fmt.Sprintf("state: the record of %s is in %s: declare it under state, or bring it back by `provision state pull --to-folder` while it is declared", e.Folder, e.To)
}

// Move writes into the folder that its record is elsewhere. A record that is still here
// is kept as record.json.moved. The
// caller holds the lock.
func (d *Dir) Move(to, lineage string) error {
	data, err := json.MarshalIndent(map[string]any{"version": movedVersion, "moved": to, "lineage": lineage}, "", "  ")
	if err != nil {
		return fmt.Errorf("state: %w", err)
	}
	old, err := os.ReadFile(d.file(recordName))
	if _, moved := errors.AsType[*MovedError](notARecord(old)); err == nil && !moved {
		err = durable.WriteFile(d.file(recordName+".moved"), old, fileMode)
	}
	if missing(err) {
		err = nil
	}
	if err == nil {
		err = durable.WriteFile(d.file(recordName), append(data, '\n'), fileMode)
	}
	if err != nil {
		return fmt.Errorf("state: say that the record is in %s: %w", to, err)
	}
	return nil
}

// notARecord says why a text is no record.
func notARecord(data []byte) error {
	_, err := Decode(data)
	return err
}
