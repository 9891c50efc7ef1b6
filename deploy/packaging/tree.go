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

// tree is the content of one architecture's packages, laid out as on the host.
type tree struct {
	options
	arch    string
	version string
	dir     string
}

const (
	binary = "usr/bin/gateway"
	docs   = "usr/share/doc/syslog-gateway"
)

// copied are the files of the repository that go into a package as they are.
var copied = map[string]string{
	"deploy/examples/gateway.yaml":                "etc/syslog-gateway/gateway.yaml",
	"deploy/examples/packs/README":                "etc/syslog-gateway/packs/README",
	"deploy/examples/minimal.yaml":                docs + "/examples/minimal.yaml",
	"deploy/examples/auto-one-port.yaml":          docs + "/examples/auto-one-port.yaml",
	"deploy/nftables/syslog-gateway.nft":          docs + "/examples/syslog-gateway.nft",
	"deploy/systemd/syslog-gateway.service":       "usr/lib/systemd/system/syslog-gateway.service",
	"deploy/systemd/syslog-gateway.sysusers.conf": "usr/lib/sysusers.d/syslog-gateway.conf",
	"deploy/sysctl.d/60-syslog-gateway.conf":      "usr/lib/sysctl.d/60-syslog-gateway.conf",
	"deploy/packaging/lintian-overrides":          "usr/share/lintian/overrides/syslog-gateway",
	"deploy/packaging/copyright":                  docs + "/copyright",
	"docs/configuration.md":                       docs + "/configuration.md",
	"docs/operations.md":                          docs + "/operations.md",
	"docs/install.md":                             docs + "/install.md",
	"docs/sizing.md":                              docs + "/sizing.md",
	"docs/high-availability.md":                   docs + "/high-availability.md",
	"docs/guarantees.md":                          docs + "/guarantees.md",
	"docs/metadata.md":                            docs + "/metadata.md",
	"docs/packs.md":                               docs + "/packs.md",
	"docs/products.md":                            docs + "/products.md",
	"deploy/keepalived/keepalived.conf":           docs + "/examples/keepalived.conf",
	"deploy/systemd/notify-reload.conf":           docs + "/examples/notify-reload.conf",
	"docs/upgrade.md":                             docs + "/upgrade.md",
	"README.md":                                   docs + "/README.md",
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
	bill := filepath.Join(t.Out, fmt.Sprintf("syslog-gateway_%s_%s.cdx.json", t.version, t.arch))
	if err := copyFile(t.path(docs, billName), bill); err != nil {
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
func (t tree) compile(ctx context.Context) error { return t.compileFor(ctx, t.arch, t.path(binary)) }

func (t tree) compileFor(ctx context.Context, arch, file string) error {
	flags := fmt.Sprintf("-s -w -X main.version=%s -X main.commit=%s", t.version, t.Commit)
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", flags, "-o", file, "./cmd/gateway")
	cmd.Dir = t.Root
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+arch)
	_, err := run(cmd)
	return err
}

func (t tree) copies(context.Context) error {
	for from, to := range copied {
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

// native returns a gateway that runs here, whatever the packages are for.
func (t tree) native(ctx context.Context) (string, error) {
	host, err := run(exec.CommandContext(ctx, "go", "env", "GOHOSTARCH"))
	arch := strings.TrimSpace(string(host))
	if err != nil || arch == t.arch {
		return t.path(binary), err
	}
	file := t.dir + "-native"
	return file, t.compileFor(ctx, arch, file)
}

// manual writes the pages that the commands describe themselves with, and that of the
// configuration file.
func (t tree) manual(ctx context.Context) error {
	gateway, err := t.native(ctx)
	if err != nil {
		return err
	}
	pages, err := os.MkdirTemp("", "gateway-man-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(pages)
	cmd := exec.CommandContext(ctx, gateway, "man", pages)
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
	gateway, err := t.native(ctx)
	if err != nil {
		return err
	}
	for shell, name := range map[string]string{
		"bash": "usr/share/bash-completion/completions/gateway",
		"zsh":  "usr/share/zsh/vendor-completions/_gateway",
		"fish": "usr/share/fish/vendor_completions.d/gateway.fish",
	} {
		script, err := run(exec.CommandContext(ctx, gateway, "completion", shell))
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
	if err := t.write(docs+"/changelog.gz", zipped(ours)); err != nil {
		return err
	}
	entry := fmt.Sprintf("syslog-gateway (%s-1) stable; urgency=medium\n\n"+
		"  * Built from %s. The changes are in changelog.gz.\n\n"+
		" -- %s  %s\n", t.version, t.Commit, maintainer, t.Epoch.Format(time.RFC1123Z))
	return t.write(docs+"/changelog.Debian.gz", zipped([]byte(entry)))
}

// maintainer stands in nfpm.yaml, too.
const maintainer = "Syslog gateway maintainers <maintainers@syslog-gateway.example>"

// bill writes the bill of materials out of what the linker recorded in the program.
func (t tree) bill(context.Context) error {
	info, err := buildinfo.ReadFile(t.path(binary))
	if err != nil {
		return err
	}
	text, err := billOfMaterials(info, t.version, t.Epoch)
	if err != nil {
		return err
	}
	return t.write(docs+"/"+billName, text)
}

// stamp gives everything in the tree its mode and the one time.
func (t tree) stamp() error {
	return filepath.WalkDir(t.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		mode := fs.FileMode(0o644)
		if d.IsDir() || path == t.path(binary) {
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
		cmd := exec.CommandContext(ctx, nfpm, "package", "--config", "deploy/packaging/nfpm.yaml", "--packager", format, "--target", file)
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
		return fmt.Sprintf("syslog-gateway-%s-1.%s.rpm", t.version, arch)
	}
	return fmt.Sprintf("syslog-gateway_%s-1_%s.deb", t.version, t.arch)
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
