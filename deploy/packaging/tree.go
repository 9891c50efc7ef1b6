package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"debug/buildinfo"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// tree is the content of a package for one architecture, laid out as on the host.
type tree struct {
	options
	product
	arch    string
	version string
	dir     string
}

// build lays the tree out and packs it. It returns the packages and the bill of materials.
func (t tree) build(ctx context.Context) ([]string, error) {
	steps := []func(context.Context) error{t.compile, t.copies, t.manual, t.completions, t.changelogs, t.licences, t.bill}
	for _, step := range steps {
		if err := step(ctx); err != nil {
			return nil, err
		}
	}
	if err := t.stamp(); err != nil {
		return nil, err
	}
	bill := filepath.Join(t.Out, fmt.Sprintf("%s_%s_%s.cdx.json", t.Package, t.version, t.arch))
	if err := copyFile(t.path(t.docs(), billName), bill); err != nil {
		return nil, err
	}
	packages, err := t.pack(ctx)
	return append(packages, bill), err
}

// path is a file of the tree.
func (t tree) path(parts ...string) string {
	return filepath.Join(append([]string{t.dir}, parts...)...)
}

// write makes a file of the tree, and the folders above it.
func (t tree) write(name string, content []byte) error {
	file := t.path(name)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	return os.WriteFile(file, content, 0o644)
}

// compile builds the program as the Makefile does.
func (t tree) compile(ctx context.Context) error {
	return t.compileFor(ctx, t.arch, t.path(t.program()))
}

func (t tree) compileFor(ctx context.Context, arch, file string) error {
	flags := fmt.Sprintf("-s -w -X main.version=%s -X main.commit=%s", t.version, t.Commit)
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", flags, "-o", file, t.Source)
	cmd.Dir = t.Root
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+arch)
	_, err := run(cmd)
	return err
}

func (t tree) copies(context.Context) error {
	for from, to := range t.Copied {
		content, err := os.ReadFile(filepath.Join(t.Root, from))
		if err != nil {
			return err
		}
		if err := t.write(to, content); err != nil {
			return err
		}
	}
	return nil
}

// native returns the program that runs here, whatever the packages are for.
func (t tree) native(ctx context.Context) (string, error) {
	host, err := run(exec.CommandContext(ctx, "go", "env", "GOHOSTARCH"))
	arch := strings.TrimSpace(string(host))
	if err != nil || arch == t.arch {
		return t.path(t.program()), err
	}
	file := t.dir + "-native"
	return file, t.compileFor(ctx, arch, file)
}

// manual writes the pages that the commands describe themselves with, and that of the
// configuration file.
func (t tree) manual(ctx context.Context) error {
	program, err := t.native(ctx)
	if err != nil {
		return err
	}
	pages, err := os.MkdirTemp("", "gateway-man-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(pages)
	cmd := exec.CommandContext(ctx, program, "man", pages)
	cmd.Env = append(os.Environ(), fmt.Sprintf("SOURCE_DATE_EPOCH=%d", t.Epoch.Unix()))
	if _, err := run(cmd); err != nil {
		return err
	}
	files, err := os.ReadDir(pages)
	if err != nil {
		return err
	}
	for _, file := range files {
		content, err := os.ReadFile(filepath.Join(pages, file.Name()))
		if err != nil {
			return err
		}
		section := strings.TrimPrefix(filepath.Ext(file.Name()), ".")
		if err := t.write("usr/share/man/man"+section+"/"+file.Name()+".gz", zipped(content)); err != nil {
			return err
		}
	}
	return nil
}

func (t tree) completions(ctx context.Context) error {
	program, err := t.native(ctx)
	if err != nil {
		return err
	}
	for shell, name := range map[string]string{
		"bash": "usr/share/bash-completion/completions/" + t.Binary,
		"zsh":  "usr/share/zsh/vendor-completions/_" + t.Binary,
		"fish": "usr/share/fish/vendor_completions.d/" + t.Binary + ".fish",
	} {
		script, err := run(exec.CommandContext(ctx, program, "completion", shell))
		if err != nil {
			return err
		}
		if err := t.write(name, script); err != nil {
			return err
		}
	}
	return nil
}

// changelogs writes the project's, and the package's with an entry of this version.
func (t tree) changelogs(context.Context) error {
	ours, err := os.ReadFile(filepath.Join(t.Root, "CHANGELOG.md"))
	if err != nil {
		return err
	}
	if err := t.write(t.docs()+"/changelog.gz", zipped(ours)); err != nil {
		return err
	}
	entry := fmt.Sprintf("%s (%s-1) stable; urgency=medium\n\n"+
		"  * Built from %s. The changes are in changelog.gz.\n\n"+
		" -- %s  %s\n", t.Package, t.version, t.Commit, maintainer, t.Epoch.Format(time.RFC1123Z))
	return t.write(t.docs()+"/changelog.Debian.gz", zipped([]byte(entry)))
}

// maintainer stands in nfpm.yaml, too.
const maintainer = "Syslog gateway maintainers <maintainers@syslog-gateway.example>"

// bill writes the bill of materials out of what the linker recorded in the program.
func (t tree) bill(context.Context) error {
	info, err := buildinfo.ReadFile(t.path(t.program()))
	if err != nil {
		return err
	}
	text, err := billOfMaterials(info, t.Package, t.version, t.Epoch)
	if err != nil {
		return err
	}
	return t.write(t.docs()+"/"+billName, text)
}

// stamp gives everything in the tree its mode and the one time.
func (t tree) stamp() error {
	return filepath.WalkDir(t.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		mode := fs.FileMode(0o644)
		if d.IsDir() || path == t.path(t.program()) {
			mode = 0o755
		}
		if err := os.Chmod(path, mode); err != nil {
			return err
		}
		return os.Chtimes(path, t.Epoch, t.Epoch)
	})
}

// pack has nfpm make the packages, and returns their files.
func (t tree) pack(ctx context.Context) (files []string, err error) {
	nfpm, err := filepath.Abs(t.NFPM)
	if err != nil {
		return nil, err
	}
	out, err := filepath.Abs(t.Out)
	if err != nil {
		return nil, err
	}
	for _, format := range t.Formats {
		file := filepath.Join(out, t.fileName(format))
		cmd := exec.CommandContext(ctx, nfpm, "package", "--config", "deploy/packaging/"+t.Package+"/nfpm.yaml", "--packager", format, "--target", file)
		cmd.Dir = t.Root
		cmd.Env = append(os.Environ(), "PACKAGE_VERSION="+t.version, "PACKAGE_ARCH="+t.arch, "PACKAGE_TREE="+t.dir,
			fmt.Sprintf("SOURCE_DATE_EPOCH=%d", t.Epoch.Unix()))
		if _, err := run(cmd); err != nil {
			return files, fmt.Errorf("%w (make package installs nfpm v2.43.4)", err)
		}
		files = append(files, file)
	}
	return files, nil
}

// fileName is the one that the format's tools expect.
func (t tree) fileName(format string) string {
	if format == "rpm" {
		arch := map[string]string{"amd64": "x86_64", "arm64": "aarch64"}[t.arch]
		return fmt.Sprintf("%s-%s-1.%s.rpm", t.Package, t.version, arch)
	}
	return fmt.Sprintf("%s_%s-1_%s.deb", t.Package, t.version, t.arch)
}

// run returns what a program prints; its error has what it complained about.
func run(cmd *exec.Cmd) ([]byte, error) {
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%s: %w: %s", strings.Join(cmd.Args, " "), err, strings.TrimSpace(complaint.String()+string(out)))
	}
	return out, nil
}

// zipped compresses as `gzip -9n` does: without name and time.
func zipped(content []byte) []byte {
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return nil // the level is a valid one
	}
	_, _ = w.Write(content) // into memory
	_ = w.Close()
	return b.Bytes()
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, in); err != nil {
		out.Close()
		return err
	}
	return out.Close()
}
