package inventory

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"syslog-gateway/internal/durable"
)

// Result is what became of one target.
type Result struct {
	Target  string   // the file
	Skipped string   // why nothing was written; "" otherwise
	Created bool     // there was none before
	Changes []Change // differences to the previous document
	Damaged bool     // the previous file was not JSON, and was replaced
}

// Sync publishes the document of a whole estate to files, each with a sidecar beside it.
// The document is checked first. All files are staged beside their targets before the
// first rename; if a rename fails, the previous files are restored. A target whose folder
// is missing is skipped; a target that is named twice is written once. After an error
// nothing is published.
func Sync(targets []string, document []byte, meta Meta) ([]Result, error) {
	return publish(targets, document, meta, os.Rename)
}

// publish is Sync with a given rename.
func publish(targets []string, document []byte, meta Meta, rename func(from, to string) error) ([]Result, error) {
	sidecar, err := checked(document, meta)
	if err != nil {
		return nil, err
	}
	var results []Result
	var files []*file
	defer func() {
		for _, f := range files {
			f.discard()
		}
	}()
	for _, target := range targets {
		r, f, err := inspect(target, document)
		if err != nil {
			return nil, fmt.Errorf("inventory: nothing is published: %w", err)
		}
		if slices.ContainsFunc(results, func(other Result) bool { return other.Target == r.Target }) {
			continue
		}
		results = append(results, r)
		if r.Skipped != "" {
			continue
		}
		beside, err := readTarget(metaPath(r.Target))
		if err != nil {
			return nil, fmt.Errorf("inventory: nothing is published: %w", err)
		}
		f.text, beside.text = document, sidecar
		// The sidecar is written last: if it is there, the document beside it is its own.
		files = append(files, f, beside)
	}
	for _, f := range files {
		if err := f.stage(); err != nil {
			return nil, fmt.Errorf("inventory: nothing is published: %w", err)
		}
	}
	for i, f := range files {
		if err := f.place(rename); err != nil {
			return nil, errors.Join(fmt.Errorf("inventory: nothing is published: %w", err), restore(files[:i+1]))
		}
	}
	return results, nil
}

// checked checks the document against its schema, and gives the text of the sidecar.
func checked(document []byte, meta Meta) ([]byte, error) {
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
	return append(sidecar, '\n'), nil
}

// metaPath is the sidecar's: x.json has x.meta.json.
func metaPath(target string) string {
	return strings.TrimSuffix(target, ".json") + ".meta.json"
}

// inspect reads a target, and compares it with the document.
func inspect(target string, document []byte) (Result, *file, error) {
	if dir := filepath.Dir(target); !isFolder(dir) {
		return Result{Target: target, Skipped: fmt.Sprintf("there is no folder %s: clone the repository, or remove the target", dir)}, nil, nil
	}
	f, err := readTarget(target)
	if err != nil {
		return Result{}, nil, err
	}
	r := Result{Target: f.path, Created: !f.there}
	if f.there {
		_, broken := decode(f.before)
		r.Damaged = broken != nil
	}
	r.Changes, err = Diff(f.before, document)
	return r, f, err
}

func isFolder(path string) bool {
	st, err := os.Stat(path)
	return err == nil && st.IsDir()
}

// newMode is the mode of new files; others keep theirs.
const newMode = 0o644

// file is a file to publish, with its previous content for restoring it.
type file struct {
	path   string // with all links resolved
	text   []byte
	there  bool   // it existed before
	before []byte // its previous content
	mode   fs.FileMode
	temp   string // where the text is staged; "" for nowhere
	placed bool
}

// readTarget reads the file at a path. Links are resolved, since a rename would replace them.
func readTarget(path string) (*file, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	} else if dir, err := filepath.EvalSymlinks(filepath.Dir(path)); err == nil {
		path = filepath.Join(dir, filepath.Base(path))
	}
	f := &file{path: path, mode: newMode}
	st, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return f, nil
	}
	if err != nil {
		return nil, err
	}
	if !st.Mode().IsRegular() {
		return nil, fmt.Errorf("%s exists and is not a file: move it away, or correct the target", path)
	}
	f.there, f.mode = true, st.Mode().Perm()
	f.before, err = os.ReadFile(path)
	return f, err
}

// stage writes the text to a file beside the target, unless the target has it already.
func (f *file) stage() error {
	if f.there && bytes.Equal(f.before, f.text) {
		return nil
	}
	var err error
	f.temp, err = durable.Beside(f.path, f.text, f.mode)
	return err
}

// place renames the staged file into its place.
func (f *file) place(rename func(from, to string) error) error {
	if f.temp == "" {
		return nil
	}
	if err := rename(f.temp, f.path); err != nil {
		return err
	}
	f.temp, f.placed = "", true
	return durable.SyncDir(filepath.Dir(f.path))
}

// restore gives the files their previous content.
func restore(files []*file) error {
	var failed error
	for _, f := range files {
		if !f.placed {
			continue
		}
		err := f.putBack()
		if err == nil {
			err = durable.SyncDir(filepath.Dir(f.path))
		}
		if err != nil {
			failed = errors.Join(failed, fmt.Errorf("%s stays published, it could not be restored: %w", f.path, err))
		}
	}
	return failed
}

func (f *file) putBack() error {
	if !f.there {
		return os.Remove(f.path)
	}
	temp, err := durable.Beside(f.path, f.before, f.mode)
	if err != nil {
		return err
	}
	return os.Rename(temp, f.path)
}

func (f *file) discard() {
	if f.temp != "" {
		_ = os.Remove(f.temp)
	}
}
