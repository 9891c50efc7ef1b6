package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// archive makes NAME_VERSION_SYSTEM_ARCH.tar.gz for machines without packages: the program on
// top, and below it what a package has in /usr. What only systemd reads is for Linux alone.
func (t tree) archive(context.Context) (string, error) {
	licence, err := os.ReadFile(filepath.Join(t.Root, "LICENSE"))
	if err != nil {
		return "", err
	}
	entries := []entry{{name: "LICENSE", mode: 0o644, content: licence}}
	err = filepath.WalkDir(t.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(t.dir, path)
		if err != nil {
			return err
		}
		to := strings.TrimPrefix(filepath.ToSlash(name), "usr/")
		switch {
		case t.system != "linux" && !strings.HasPrefix(to, "share/") && name != t.program(), strings.HasPrefix(to, "share/lintian/"):
			return nil
		case name == t.program():
			to = t.Binary
		}
		e, err := t.entry(name, to)
		entries = append(entries, e)
		return err
	})
	if err != nil {
		return "", err
	}
	for i := range entries {
		entries[i].name = t.name() + "/" + entries[i].name
	}
	packed, err := tarOf(entries, t.Epoch)
	if err != nil {
		return "", err
	}
	file := filepath.Join(t.Out, t.name()+".tar.gz")
	return file, os.WriteFile(file, zipped(packed, gzip.DefaultCompression), 0o644)
}

// entry is a file or, with a name that ends in a slash, a folder of a tar archive.
type entry struct {
	name    string
	mode    int64
	owner   int // user and group
	content []byte
}

// entry reads a file of the tree.
func (t tree) entry(name, to string) (entry, error) {
	e := entry{name: to, mode: 0o644}
	if name == t.program() {
		e.mode = 0o755
	}
	var err error
	e.content, err = os.ReadFile(t.path(name))
	return e, err
}

// tarOf packs entries in the order given, all of one time.
func tarOf(entries []entry, at time.Time) ([]byte, error) {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, e := range entries {
		h := &tar.Header{
			Typeflag: tar.TypeReg, Name: e.name, Mode: e.mode, Uid: e.owner, Gid: e.owner,
			Size: int64(len(e.content)), ModTime: at, Format: tar.FormatPAX,
		}
		if strings.HasSuffix(e.name, "/") {
			h.Typeflag = tar.TypeDir
		}
		if err := w.WriteHeader(h); err != nil {
			return nil, err
		}
		if _, err := w.Write(e.content); err != nil {
			return nil, err
		}
	}
	err := w.Close()
	return b.Bytes(), err
}

// zipped compresses without name and time. Documents of packages are compressed as `gzip -9n`
// does, which lintian asks for; the rest gains nothing by it.
func zipped(content []byte, level int) []byte {
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, level)
	if err != nil {
		return nil // the level is a valid one
	}
	_, _ = w.Write(content) // into memory
	_ = w.Close()
	return b.Bytes()
}
