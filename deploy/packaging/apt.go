package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/blakesmith/ar"
)

// The files of an apt repository beside pool (https://wiki.debian.org/DebianRepository/Format).
const (
	suite       = "stable"
	section     = "main"
	aptFolder   = "apt"
	keyringName = "syslog-gateway.asc"
)

// aptRepository makes the folder apt out of packages: pool, the lists of each architecture,
// Release and, with a key, InRelease and the certificate. What was in the folder goes.
func aptRepository(o options, debs []string) (err error) {
	root := filepath.Join(o.Out, aptFolder)
	if err := os.RemoveAll(root); err != nil {
		return err
	}
	write := func(name string, content []byte) error {
		file := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return err
		}
		return os.WriteFile(file, content, 0o644)
	}
	lists := make(map[string][]string) // stanzas by architecture
	for _, deb := range debs {
		content, err := os.ReadFile(deb)
		if err != nil {
			return err
		}
		control, err := controlOf(content)
		if err != nil {
			return fmt.Errorf("%s: %w", deb, err)
		}
		pool := "pool/" + filepath.Base(deb)
		if err := write(pool, content); err != nil {
			return err
		}
		arch := strings.TrimSuffix(deb[strings.LastIndex(deb, "_")+1:], ".deb")
		lists[arch] = append(lists[arch], fmt.Sprintf("%s\nFilename: %s\nSize: %d\nSHA256: %x\n", control, pool, len(content), sha256.Sum256(content)))
	}
	index := make(map[string][]byte)
	for _, arch := range o.Archs {
		packages := []byte(strings.Join(lists[arch], "\n"))
		folder := section + "/binary-" + arch
		index[folder+"/Packages"], index[folder+"/Packages.gz"] = packages, zipped(packages, gzip.BestCompression)
	}
	release := releaseFile(o.Archs, index, o.Epoch)
	index["Release"] = release
	if o.Keys.openPGP != nil {
		if index["InRelease"], err = o.Keys.clearsigned(release, o.Epoch); err != nil {
			return err
		}
		certificate, err := o.Keys.certificate()
		if err = errors.Join(err, write(keyringName, certificate)); err != nil {
			return err
		}
	}
	for name, content := range index {
		if err := write("dists/"+suite+"/"+name, content); err != nil {
			return err
		}
	}
	return nil
}

// releaseFile is what is signed: the sums of the lists.
func releaseFile(archs []string, index map[string][]byte, at time.Time) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "Origin: syslog-gateway\nLabel: syslog-gateway\nSuite: %s\nCodename: %s\nComponents: %s\nArchitectures: %s\nDate: %s\nSHA256:\n",
		suite, suite, section, strings.Join(archs, " "), at.UTC().Format("Mon, 02 Jan 2006 15:04:05 UTC"))
	var names []string
	for name := range index {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		fmt.Fprintf(&b, " %x %d %s\n", sha256.Sum256(index[name]), len(index[name]), name)
	}
	return b.Bytes()
}

// controlOf returns the control file of a package, without the last end of line.
func controlOf(deb []byte) (string, error) {
	for outer := ar.NewReader(bytes.NewReader(deb)); ; {
		h, err := outer.Next()
		if err != nil {
			return "", fmt.Errorf("no control.tar.gz: %w", err)
		}
		if h.Name != "control.tar.gz" {
			continue
		}
		zip, err := gzip.NewReader(outer)
		if err != nil {
			return "", err
		}
		for inner := tar.NewReader(zip); ; {
			h, err := inner.Next()
			if err != nil {
				return "", fmt.Errorf("no control in control.tar.gz: %w", err)
			}
			if strings.TrimPrefix(h.Name, "./") == "control" {
				text, err := io.ReadAll(inner)
				return strings.TrimRight(string(text), "\n"), err
			}
		}
	}
}
