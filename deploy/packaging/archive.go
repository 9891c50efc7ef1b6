package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
)

// archived are the files of the repository that go into an archive of provision, by their
// place there.
var archived = map[string]string{
	"README.md":               "docs/provision.md",
	"simulator.md":            "docs/simulator.md",
	"LICENSE":                 "LICENSE",
	"CHANGELOG.md":            "CHANGELOG.md",
	"example/deployment.json": "deploy/provision/deployment.json",
}

// archive makes provision_VERSION_SYSTEM_ARCH.tar.gz: the program for the machine of who plans,
// which is not always one with packages.
func (t tree) archive(ctx context.Context, system string) (string, error) {
	program := t.path("provision")
	flags := fmt.Sprintf("-s -w -X main.version=%s -X main.commit=%s", t.version, t.Commit)
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", flags, "-o", program, "./cmd/provision")
	cmd.Dir = t.Root
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+system, "GOARCH="+t.arch)
	if _, err := run(cmd); err != nil {
		return "", err
	}
	licences, err := t.licenceText(ctx, program)
	if err != nil {
		return "", err
	}
	content := map[string][]byte{"third-party-licences": licences}
	if content["provision"], err = os.ReadFile(program); err != nil {
		return "", err
	}
	for name, from := range archived {
		if content[name], err = os.ReadFile(filepath.Join(t.Root, from)); err != nil {
			return "", err
		}
	}
	folder := fmt.Sprintf("provision_%s_%s_%s", t.version, system, t.arch)
	packed, err := t.tarball(folder, content)
	if err != nil {
		return "", err
	}
	file := filepath.Join(t.Out, folder+".tar.gz")
	return file, os.WriteFile(file, packed, 0o644)
}

// tarball packs files below a folder, in the order of their names and with the one time.
func (t tree) tarball(folder string, content map[string][]byte) ([]byte, error) {
	var b bytes.Buffer
	zip, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	w := tar.NewWriter(zip)
	var names []string
	for name := range content {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		mode := int64(0o644)
		if name == "provision" {
			mode = 0o755
		}
		h := &tar.Header{Name: folder + "/" + name, Mode: mode, Size: int64(len(content[name])), ModTime: t.Epoch, Format: tar.FormatUSTAR}
		if err := w.WriteHeader(h); err != nil {
			return nil, err
		}
		if _, err := w.Write(content[name]); err != nil {
			return nil, err
		}
	}
	err = errors.Join(w.Close(), zip.Close())
	return b.Bytes(), err
}
