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
	"slices"
	"strings"
	"time"
)

// tree is the content of a package for one system and architecture, laid out as on the host.
type tree struct {
	options
	product
	system, arch string // by Go's names
	version      string
	dir          string
	native       string // the program that runs here, whatever the tree is for
}

// build lays the tree out and packs it in the formats that were asked for. It returns their
// files and the bill of materials.
func (t tree) build(ctx context.Context) (files []string, err error) {
	steps := []func(context.Context) error{t.compile, t.copies, t.manual, t.completions, t.changelogs, t.licences, t.bill, t.stamp}
	for _, step := range steps {
		if err := step(ctx); err != nil {
			return nil, err
		}
	}
	bill := filepath.Join(t.Out, t.name()+".cdx.json")
	if err := copyFile(t.path(t.docs(), billName), bill); err != nil {
		return nil, err
	}
	files = append(files, bill)
	pack := map[string]func(context.Context) (string, error){
		formatDeb: t.deb, formatRPM: t.rpm, formatArchive: t.archive, formatImage: t.image,
	}
	for _, format := range t.formats() {
		file, err := pack[format](ctx)
		if err != nil {
			return files, err
		}
		files = append(files, file)
	}
	return files, nil
}

// formats are those that were asked for and that there are for this system.
func (t tree) formats() (some []string) {
	for _, format := range t.product.Formats {
		if slices.Contains(t.options.Formats, format) && (format == formatArchive || t.system == "linux") &&
			(format != formatArchive || slices.Contains(t.Systems, t.system)) {
			some = append(some, format)
		}
	}
	return some
}

// name is that of files which no format names.
func (t tree) name() string {
	return fmt.Sprintf("%s_%s_%s_%s", t.Package, t.version, t.system, t.arch)
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

// compile builds the program as the Makefile does, but without what the go command would find
// out from git: it depends on tags and tools that not every clone and machine has.
func (t tree) compile(ctx context.Context) error {
	return t.compileFor(ctx, t.system, t.arch, t.path(t.program()))
}

func (t tree) compileFor(ctx context.Context, system, arch, file string) error {
	const cli = "syslog-gateway/internal/cli"
	flags := fmt.Sprintf("-s -w -X %s.version=%s -X %s.commit=%s", cli, t.version, cli, t.Commit)
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-ldflags", flags, "-o", file, t.Source)
	cmd.Dir = t.Root
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+system, "GOARCH="+arch)
	_, err := run(cmd)
	return err
}

func (t tree) copies(context.Context) error {
	for from, to := range t.Copied {
		content, err := os.ReadFile(filepath.Join(t.Root, from))
		if err != nil {
			return err
		}
		if strings.HasSuffix(from, ".md") {
			content = []byte(relinked(string(content), from, t.Copied))
		}
		if err := t.write(to, content); err != nil {
			return err
		}
	}
	return nil
}

// manual writes the pages that the commands describe themselves with, and that of the
// configuration file.
func (t tree) manual(ctx context.Context) error {
	pages, err := os.MkdirTemp("", "gateway-man-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(pages)
	cmd := exec.CommandContext(ctx, t.native, "man", pages)
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
		if err := t.write("usr/share/man/man"+section+"/"+file.Name()+".gz", zipped(content, gzip.BestCompression)); err != nil {
			return err
		}
	}
	return nil
}

func (t tree) completions(ctx context.Context) error {
	for shell, name := range map[string]string{
		"bash": "usr/share/bash-completion/completions/" + t.Binary,
		"zsh":  "usr/share/zsh/vendor-completions/_" + t.Binary,
		"fish": "usr/share/fish/vendor_completions.d/" + t.Binary + ".fish",
	} {
		script, err := run(exec.CommandContext(ctx, t.native, "completion", shell))
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
	if err := t.write(t.docs()+"/changelog.gz", zipped(ours, gzip.BestCompression)); err != nil {
		return err
	}
	entry := fmt.Sprintf("%s (%s-1) stable; urgency=medium\n\n"+
		"  * Built from %s. The changes are in changelog.gz.\n\n"+
		" -- %s  %s\n", t.Package, t.version, t.Commit, maintainer, t.Epoch.Format(time.RFC1123Z))
	return t.write(t.docs()+"/changelog.Debian.gz", zipped([]byte(entry), gzip.BestCompression))
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
func (t tree) stamp(context.Context) error {
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

// deb is named as the format's tools expect, and so is rpm.
func (t tree) deb(ctx context.Context) (string, error) {
	return t.pack(ctx, "deb", fmt.Sprintf("%s_%s-1_%s.deb", t.Package, t.version, t.arch))
}

func (t tree) rpm(ctx context.Context) (string, error) {
	arch := map[string]string{"amd64": "x86_64", "arm64": "aarch64"}[t.arch]
	return t.pack(ctx, "rpm", fmt.Sprintf("%s-%s-1.%s.rpm", t.Package, t.version, arch))
}

// pack has nfpm make a package, and returns its file.
func (t tree) pack(ctx context.Context, packager, name string) (string, error) {
	nfpm, err := filepath.Abs(t.NFPM)
	if err != nil {
		return "", err
	}
	file, err := filepath.Abs(filepath.Join(t.Out, name))
	if err != nil {
		return "", err
	}
	cmd := exec.CommandContext(ctx, nfpm, "package", "--config", "deploy/packaging/"+t.Package+"/nfpm.yaml", "--packager", packager, "--target", file)
	cmd.Dir = t.Root
	cmd.Env = append(os.Environ(), "PACKAGE_VERSION="+t.version, "PACKAGE_ARCH="+t.arch, "PACKAGE_TREE="+t.dir,
		fmt.Sprintf("SOURCE_DATE_EPOCH=%d", t.Epoch.Unix()))
	if _, err := run(cmd); err != nil {
		return "", fmt.Errorf("%w (make package installs nfpm)", err)
	}
	return file, nil
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
