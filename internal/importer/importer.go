package importer

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// Note is something to tell the user, and where it is written.
type Note struct {
	File string // relative to the folder that was read
	Line int    // from 1; 0: the whole file
	Text string
}

// String returns "file:line: text".
func (n Note) String() string {
	switch {
	case n.File == "":
		return n.Text
	case n.Line == 0:
		return n.File + ": " + n.Text
	}
	return fmt.Sprintf("%s:%d: %s", n.File, n.Line, n.Text)
}

// Imported is what became of a configuration.
type Imported struct {
	// Files are the files to write, by their path relative to the folder of gateway.yaml.
	Files map[string][]byte
	// Token is the HEC token, which belongs into a file of its own; empty if there is none.
	Token string
	// Sources, Rules and Packs are how many of each were said.
	Sources, Rules, Packs int
	// Unsaid lists what the gateway cannot say. Hints are what to know or to do.
	Unsaid, Hints []Note
	// Skipped is how many settings concern the other program alone.
	Skipped int
}

// reader fills a model from a product's files. main is a file of the folder, or "." for all of it.
type reader func(m *model, f *folder, main string) error

func readers() map[string]reader {
	return map[string]reader{"sc4s": readSC4S, "cribl": readCribl, "haproxy": readHAProxy, "rsyslog": readRsyslog, "syslog-ng": readSyslogNG}
}

// Products are the products whose configuration can be read.
func Products() []string { return []string{"sc4s", "cribl", "haproxy", "rsyslog", "syslog-ng"} }

// Read reads the configuration of a product at a path, a file or a folder, for a gateway whose
// gateway.yaml will be in the folder dir.
func Read(product, from, dir string) (*Imported, error) {
	info, err := os.Stat(from)
	if err != nil {
		return nil, fmt.Errorf("read the configuration: %w", err)
	}
	root, main := from, "."
	if !info.IsDir() {
		root, main = filepath.Dir(from), filepath.Base(from)
	}
	if root, err = filepath.Abs(root); err != nil {
		return nil, err
	}
	return read(product, os.DirFS(root), root, main, dir)
}

func read(product string, files fs.FS, root, main, dir string) (*Imported, error) {
	if readers()[product] == nil {
		return nil, fmt.Errorf("%q is not a product: %s", product, strings.Join(Products(), ", "))
	}
	m, err := newModel()
	if err != nil {
		return nil, err
	}
	return m.read(product, files, root, main, dir)
}

// read fills an empty model and makes files of it.
func (m *model) read(product string, files fs.FS, root, main, dir string) (*Imported, error) {
	m.product, m.overrides, m.senders = product, map[string]override{}, map[string]string{}
	if err := readers()[product](m, &folder{files: files, root: root}, main); err != nil {
		return nil, err
	}
	return m.write(dir)
}

// The bounds of what is read.
const (
	maxFile  = 1 << 20
	maxTable = 16 << 20 // of a CSV file
	maxTotal = 64 << 20
	maxFiles = 1000
	maxNotes = 1000
)

// folder reads files, within bounds.
type folder struct {
	files fs.FS
	root  string // its absolute path
	total int
	count int
}

// read returns the content of a regular file without its byte order mark.
func (f *folder) read(name string, most int) (string, error) {
	info, err := fs.Stat(f.files, name)
	if err != nil {
		return "", err
	}
	if !info.Mode().IsRegular() {
		return "", fmt.Errorf("%s is not a regular file", name)
	}
	if info.Size() > int64(most) {
		return "", fmt.Errorf("%s has more than %d MiB: no configuration is that large", name, most>>20)
	}
	f.count++
	if f.total += int(info.Size()); f.total > maxTotal || f.count > maxFiles {
		return "", fmt.Errorf("%s: the files have more than %d MiB in all, or are more than %d", name, maxTotal>>20, maxFiles)
	}
	data, err := fs.ReadFile(f.files, name)
	if err != nil {
		return "", err
	}
	if len(data) > most {
		return "", fmt.Errorf("%s has more than %d MiB: no configuration is that large", name, most>>20)
	}
	text := strings.TrimPrefix(string(data), "\ufeff")
	if strings.ContainsRune(text, 0) {
		return "", fmt.Errorf("%s is no text file; unpack archives first", name)
	}
	return strings.ToValidUTF8(strings.ReplaceAll(text, "\r\n", "\n"), "\ufffd"), nil
}

// optional is read for a file that need not be there.
func (f *folder) optional(name string, most int) (text string, ok bool, err error) {
	text, err = f.read(name, most)
	if errors.Is(err, fs.ErrNotExist) {
		return "", false, nil
	}
	return text, err == nil, err
}

// find returns the files below a folder whose base name fits one of the patterns, sorted.
func (f *folder) find(dir string, patterns ...string) ([]string, error) {
	var all []string
	seen := 0
	err := fs.WalkDir(f.files, dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			if errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			return err
		}
		if seen++; seen > 20*maxFiles {
			return fmt.Errorf("%s has more than %d files; name the folder of the configuration alone", f.root, 20*maxFiles)
		}
		if strings.HasPrefix(d.Name(), ".") && name != "." {
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		for _, p := range patterns {
			if ok, _ := path.Match(p, d.Name()); ok && !d.IsDir() {
				all = append(all, name)
				break
			}
		}
		return nil
	})
	slices.Sort(all)
	return all, err
}

// include returns the files of the folder that a pattern of an include means, which may be an
// absolute path on the machine where the configuration was in use.
func (f *folder) include(from, pattern string) []string {
	var tries []string
	if path.IsAbs(pattern) {
		if inside, ok := strings.CutPrefix(pattern, strings.TrimSuffix(f.root, "/")+"/"); ok {
			tries = append(tries, inside)
		}
		tries = append(tries, path.Join(path.Base(path.Dir(pattern)), path.Base(pattern)))
	} else {
		tries = append(tries, path.Join(path.Dir(from), pattern), pattern)
	}
	for _, t := range tries {
		t = path.Clean(t)
		if info, err := fs.Stat(f.files, t); err == nil && info.IsDir() {
			t = path.Join(t, "*.conf")
		}
		if found, err := fs.Glob(f.files, t); err == nil && len(found) != 0 {
			return found
		}
	}
	return nil
}
