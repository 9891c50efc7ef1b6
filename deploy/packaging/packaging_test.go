package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"syslog-gateway/internal/testkit"
)

var at = time.Date(2026, 11, 22, 22, 56, 0, 0, time.UTC)

// made builds the packages of this machine's architecture.
func made(t *testing.T, formats ...string) []string {
	t.Helper()
	nfpm := testkit.Try(filepath.Abs("../../bin/tools/nfpm"))(t)
	if _, err := exec.LookPath(nfpm); err != nil {
		t.Fatal("nfpm is missing: make bin/tools/nfpm (.ci/tools does that)")
	}
	files, err := build(t.Context(), options{
		Root: "../..", Out: t.TempDir(), Describe: "v1.2.0", Commit: "abc1234",
		Archs: []string{runtime.GOARCH}, Formats: formats, NFPM: nfpm, Epoch: at,
	})
	testkit.Must(t, err)
	return files
}

func TestPackages(t *testing.T) {
	for _, name := range []string{"dpkg-deb", "lintian"} {
		testkit.Tool(t, name, "dpkg lintian")
	}
	first, second := made(t, "deb", "rpm"), made(t, "deb", "rpm")
	if len(first) != 6 || len(second) != 6 {
		t.Fatalf("want .deb, .rpm and a bill of materials of each package, got %q and %q", first, second)
	}
	for i := range first {
		if a, b := sum(t, first[i]), sum(t, second[i]); a != b {
			t.Errorf("%s is not the same twice: %x and %x", filepath.Base(first[i]), a, b)
		}
	}
	for i, p := range products() {
		t.Run(p.Package, func(t *testing.T) {
			deb := first[3*i]
			if want := p.Package + "_1.2.0-1_" + runtime.GOARCH + ".deb"; filepath.Base(deb) != want {
				t.Errorf("the package is %s, want %s", filepath.Base(deb), want)
			}
			if out, err := exec.Command("lintian", "--allow-root", "--fail-on", "error,warning", deb).CombinedOutput(); err != nil {
				t.Errorf("lintian: %v\n%s", err, out)
			}
			want := expected[p.Package]
			content(t, deb, p, want.modes)
			lives(t, deb, want.life)
			out, _ := exec.Command("dpkg-deb", "--info", deb, "conffiles").Output() // it fails if there are none
			testkit.Equal(t, "conffiles", string(out), want.conffiles)
		})
	}
}

// expected is what the packages have beside their program, unit, user and documents.
var expected = map[string]struct {
	modes           map[string]int64
	conffiles, life string
}{
	"syslog-gateway": {
		modes: map[string]int64{
			"./etc/syslog-gateway/gateway.yaml":               0o640,
			"./etc/syslog-gateway/packs/":                     0o755,
			"./etc/syslog-gateway/packs/README":               0o644,
			"./usr/lib/sysctl.d/60-syslog-gateway.conf":       0o644,
			"./usr/share/man/man1/gateway-run.1.gz":           0o644,
			"./usr/share/man/man5/gateway.yaml.5.gz":          0o644,
			"./usr/share/doc/syslog-gateway/configuration.md": 0o644,
			"./usr/share/doc/syslog-gateway/install.md":       0o644,
			"./usr/share/doc/syslog-gateway/packs.md":         0o644,
			"./usr/share/doc/syslog-gateway/products.md":      0o644,
			"./usr/share/doc/syslog-gateway/upgrade.md":       0o644,
		},
		conffiles: "/etc/syslog-gateway/gateway.yaml\n/etc/syslog-gateway/packs/README\n",
		life:      lifeOfTheGateway,
	},
	"syslog-gateway-queue": {
		modes: map[string]int64{
			"./etc/syslog-gateway-queue/":                         0o755,
			"./usr/share/man/man1/syslog-gateway-queue-init.1.gz": 0o644,
		},
		life: lifeOfTheQueue,
	},
}

// content checks owner, mode and time of what is in a package, and that all is there.
func content(t *testing.T, deb string, p product, modes map[string]int64) {
	t.Helper()
	out := testkit.Try(exec.Command("dpkg-deb", "--fsys-tarfile", deb).Output())(t)
	modes = maps.Clone(modes)
	for _, name := range []string{
		"usr/lib/systemd/system/" + p.Package + ".service", "usr/lib/sysusers.d/" + p.Package + ".conf",
		"usr/share/man/man1/" + p.Binary + ".1.gz", "usr/share/bash-completion/completions/" + p.Binary,
		p.docs() + "/cluster.md", p.docs() + "/copyright", p.docs() + "/third-party-licences.gz", p.docs() + "/" + billName,
		p.docs() + "/changelog.gz", p.docs() + "/changelog.Debian.gz",
	} {
		modes["./"+name] = 0o644
	}
	modes["./"+p.program()] = 0o755
	r := tar.NewReader(bytes.NewReader(out))
	for {
		h, err := r.Next()
		if err == io.EOF {
			break
		}
		testkit.Must(t, err)
		if h.Uid != 0 || h.Gid != 0 || !h.ModTime.Equal(at) {
			t.Errorf("%s belongs to %d:%d and is of %s; want root and %s", h.Name, h.Uid, h.Gid, h.ModTime.UTC(), at)
		}
		if want, ok := modes[h.Name]; ok {
			delete(modes, h.Name)
			if h.Mode&0o7777 != want {
				t.Errorf("%s has mode %o, want %o", h.Name, h.Mode&0o7777, want)
			}
		}
	}
	for name := range modes {
		t.Errorf("the package lacks %s", name)
	}
}

func sum(t *testing.T, file string) [sha256.Size]byte {
	t.Helper()
	content := testkit.Try(os.ReadFile(file))(t)
	return sha256.Sum256(content)
}

func TestVersions(t *testing.T) {
	testkit.Tool(t, "dpkg", "dpkg")
	// In the order of time.
	described := []struct {
		describe string
		at       time.Time
		want     string
	}{
		{"", at, "0.0~20261122225600"},
		{"abc1234", at.Add(time.Second), "0.0~20261122225601.abc1234"},
		{"0123456-dirty", at.Add(time.Minute), "0.0~20261122225700.0123456.dirty"},
		{"v1.2.0", at, "1.2.0"},
		{"v1.2.0-3-gabc1234", at, "1.2.0+3.gabc1234"},
		{"v1.2.0-12-gabc1234-dirty", at, "1.2.0+12.gabc1234+dirty"},
		{"1.10", at, "1.10"},
	}
	before := "0"
	for _, d := range described {
		got := packageVersion(d.describe, d.at)
		if got != d.want {
			t.Errorf("%q is version %q, want %q", d.describe, got, d.want)
		}
		if err := exec.Command("dpkg", "--compare-versions", before, "lt", got).Run(); err != nil {
			t.Errorf("dpkg does not sort %s before %s", before, got)
		}
		before = got
	}
}

func TestBillOfMaterials(t *testing.T) {
	self := testkit.Try(os.Executable())(t)
	info := testkit.Try(buildinfo.ReadFile(self))(t)
	text := testkit.Try(billOfMaterials(info, "syslog-gateway", "1.2.0", at))(t)
	var d document
	testkit.Must(t, json.Unmarshal(text, &d))
	if d.Format != "CycloneDX" || d.Metadata.Component.Version != "1.2.0" || !d.Metadata.Timestamp.Equal(at) {
		t.Errorf("the head is %+v", d)
	}
	seen := make(map[string]bool)
	for _, c := range d.Components {
		if c.Version == "" || seen[c.Ref] {
			t.Errorf("component without version, or twice: %+v", c)
		}
		seen[c.Ref] = true
	}
	for _, m := range info.Deps {
		if !seen[fmt.Sprintf("pkg:golang/%s@%s", m.Path, m.Version)] {
			t.Errorf("%s %s is in the program and not in the bill", m.Path, m.Version)
		}
	}
}

func TestZippedIsWhatWentIn(t *testing.T) {
	text := strings.Repeat("the same again\n", 100)
	r := testkit.Try(gzip.NewReader(bytes.NewReader(zipped([]byte(text)))))(t)
	got, err := io.ReadAll(r)
	if err != nil || string(got) != text {
		t.Errorf("%q (%v)", got, err)
	}
	if r.Name != "" || !r.ModTime.IsZero() {
		t.Errorf("name %q and time %v make a difference from build to build", r.Name, r.ModTime)
	}
}

func TestScriptsAreShell(t *testing.T) {
	scripts, err := filepath.Glob("*/scripts/*")
	if err != nil || len(scripts) != 6*len(products()) {
		t.Fatalf("%q (%v)", scripts, err)
	}
	for _, script := range scripts {
		if out, err := exec.Command("sh", "-n", script).CombinedOutput(); err != nil {
			t.Errorf("%s: %v: %s", script, err, out)
		}
	}
}

// TestArchives makes archives of provision twice, and runs what is in the one for this machine.
func TestArchives(t *testing.T) {
	var archives [2][]string
	for i := range archives {
		o := options{Root: "../..", Out: t.TempDir(), Describe: "v1.2.0", Commit: "abc1234", Epoch: at}
		tr := tree{options: o, arch: runtime.GOARCH, version: packageVersion(o.Describe, o.Epoch), dir: t.TempDir()}
		for _, system := range []string{"darwin", "linux"} {
			archives[i] = append(archives[i], testkit.Try(tr.archive(t.Context(), system))(t))
		}
	}
	for i, file := range archives[0] {
		if a, b := sum(t, file), sum(t, archives[1][i]); a != b {
			t.Errorf("%s is not the same twice", filepath.Base(file))
		}
	}
	dir := t.TempDir()
	folder := "provision_1.2.0_linux_" + runtime.GOARCH
	for _, file := range archives[0] {
		if out, err := exec.Command("tar", "-xzf", file, "-C", dir).CombinedOutput(); err != nil {
			t.Fatalf("tar: %v\n%s", err, out)
		}
	}
	out := testkit.Try(exec.Command(filepath.Join(dir, folder, "provision"), "version").Output())(t)
	testkit.Holds(t, "version", string(out), "provision 1.2.0", "abc1234")
	testkit.Holds(t, "licences", string(testkit.Try(os.ReadFile(filepath.Join(dir, folder, "third-party-licences")))(t)), "github.com/spf13/cobra", "Apache License")
	head := testkit.Try(os.ReadFile(filepath.Join(dir, strings.Replace(folder, "linux", "darwin", 1), "provision")))(t)[:4]
	if !bytes.Equal(head, []byte{0xcf, 0xfa, 0xed, 0xfe}) { // MH_MAGIC_64, little endian (mach-o/loader.h)
		t.Errorf("the program for macOS begins with % x", head)
	}
}
