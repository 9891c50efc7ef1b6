package inventory

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// FileName is the document's name where a target names only its folder.
const FileName = "terraform_inventory.json"

// Result is what became of one target.
type Result struct {
	Target  string   // the file
	Skipped string   // why nothing was written; "" otherwise
	Created bool     // there was none before
	Changes []Change // what differs from the document that was there; none: it was the same
	Damaged bool     // what was there was not JSON, and is replaced
}

// Sync publishes the document of a whole estate to its targets: files, or folders that
// get a terraform_inventory.json, each with the sidecar beside it. The document is
// checked first; then all targets are staged next to where they belong, and only when
// all are does the first rename happen. A target whose folder is missing is skipped and
// says so; what can't be written stops everything, and nothing is published.
func Sync(targets []string, document []byte, meta Meta) ([]Result, error) {
	wrong, err := Check(document)
	if err != nil {
		return nil, err
	}
	if len(wrong) > 0 {
		return nil, fmt.Errorf("inventory: the document breaks its own schema, nothing is published: %s", strings.Join(wrong, "; "))
	}
	sidecar, err := json.MarshalIndent(meta, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("inventory: %w", err)
	}
	sidecar = append(sidecar, '\n')
	var results []Result
	var staged []stagedFile
	defer func() { discard(staged) }()
	for _, target := range targets {
		r, err := inspect(target, document)
		if err != nil {
			return nil, err
		}
		results = append(results, r)
		if r.Skipped != "" {
			continue
		}
		// The sidecar goes last: with it there, the document beside it is the one it means.
		for _, f := range []stagedFile{{path: r.Target, text: document}, {path: metaPath(r.Target), text: sidecar}} {
			if err := f.stage(); err != nil {
				return nil, err
			}
			staged = append(staged, f)
		}
	}
	for i := range staged {
		if err := staged[i].publish(); err != nil {
			return results, err
		}
	}
	return results, nil
}

// metaPath is the sidecar's: x.json has x.meta.json.
func metaPath(target string) string {
	return strings.TrimSuffix(target, ".json") + ".meta.json"
}

// inspect finds the file of a target, and compares.
func inspect(target string, document []byte) (Result, error) {
	if st, err := os.Stat(target); err == nil && st.IsDir() || strings.HasSuffix(target, "/") {
		target = filepath.Join(target, FileName)
	}
	if real, err := filepath.EvalSymlinks(target); err == nil {
		target = real // a rename would replace the link
	}
	r := Result{Target: target}
	dir := filepath.Dir(target)
	if st, err := os.Stat(dir); err != nil || !st.IsDir() {
		r.Skipped = fmt.Sprintf("there is no folder %s: clone the repository, or take the target off", dir)
		return r, nil
	}
	before, err := os.ReadFile(target)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		r.Created = true
	case err != nil:
		return r, fmt.Errorf("inventory: read what is published: %w", err)
	default:
		_, broken := decode(before)
		r.Damaged = broken != nil
	}
	r.Changes, err = Diff(before, document)
	return r, err
}

// stagedFile is a file on its way.
type stagedFile struct {
	path string // where it goes
	temp string // where it is; "" when it is there
	text []byte
}

// stage writes the text beside its place, and to the disk.
func (f *stagedFile) stage() error {
	if there, err := os.ReadFile(f.path); err == nil && bytes.Equal(there, f.text) {
		return nil
	}
	temp, err := os.CreateTemp(filepath.Dir(f.path), "."+filepath.Base(f.path)+".*.tmp")
	if err != nil {
		return fmt.Errorf("inventory: nothing is published: %w", err)
	}
	f.temp = temp.Name()
	_, err = temp.Write(f.text)
	err = errors.Join(err, temp.Chmod(0o644), temp.Sync(), temp.Close())
	if err != nil {
		_ = os.Remove(f.temp)
		return fmt.Errorf("inventory: nothing is published: %w", err)
	}
	return nil
}

func (f *stagedFile) publish() error {
	if f.temp == "" {
		return nil
	}
	if err := os.Rename(f.temp, f.path); err != nil {
		return fmt.Errorf("inventory: %w; targets before this one are published", err)
	}
	f.temp = ""
	dir, err := os.Open(filepath.Dir(f.path))
	if err != nil {
		return fmt.Errorf("inventory: %w", err)
	}
	if err := errors.Join(dir.Sync(), dir.Close()); err != nil {
		return fmt.Errorf("inventory: %w", err)
	}
	return nil
}

func discard(files []stagedFile) {
	for _, f := range files {
		if f.temp != "" {
			_ = os.Remove(f.temp)
		}
	}
}
