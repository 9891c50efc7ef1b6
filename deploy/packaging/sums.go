package main

import (
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

const (
	sumsName      = "SHA256SUMS"
	publicKeyName = "minisign.pub"
)

// seal writes SHA256SUMS over files and, with a key, the signatures of archives, images and of
// SHA256SUMS itself, which so covers the packages, too. It returns what it wrote.
func seal(o options, files []string) (made []string, err error) {
	var lines []string
	for _, file := range files {
		sum, err := sumOf(file)
		if err != nil {
			return nil, err
		}
		lines = append(lines, fmt.Sprintf("%x  %s\n", sum, filepath.Base(file)))
	}
	slices.SortFunc(lines, func(a, b string) int { return strings.Compare(a[sha256.Size*2:], b[sha256.Size*2:]) })
	sums := filepath.Join(o.Out, sumsName)
	made = []string{sums}
	if err := os.WriteFile(sums, []byte(strings.Join(lines, "")), 0o644); err != nil || o.Keys.minisign == nil {
		return made, err
	}
	for _, file := range append(slices.Clone(files), sums) {
		if file != sums && !strings.HasSuffix(file, ".tar.gz") && !strings.HasSuffix(file, ".oci.tar") {
			continue
		}
		signature, err := o.Keys.signFile(file, o.Epoch)
		if err != nil {
			return made, err
		}
		made = append(made, signature)
	}
	public, err := o.Keys.publicKey()
	if err != nil {
		return made, err
	}
	file := filepath.Join(o.Out, publicKeyName)
	return append(made, file), os.WriteFile(file, public, 0o644)
}

func sumOf(file string) ([]byte, error) {
	in, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	h := sha256.New()
	_, err = io.Copy(h, in)
	return h.Sum(nil), err
}
