package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"debug/buildinfo"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"syslog-gateway/internal/testkit"
)

var at = time.Date(2026, 11, 22, 22, 56, 0, 0, time.UTC)

// made runs the program for this machine's architecture, and returns the folder that it wrote.
// It is built without the race detector, which makes compression ten times slower.
func made(t *testing.T, env []string, args ...string) (dir, said string) {
	t.Helper()
	nfpm := testkit.Try(filepath.Abs("../../bin/tools/nfpm"))(t)
	if _, err := exec.LookPath(nfpm); err != nil {
		t.Fatal("nfpm is missing: make bin/tools/nfpm (.ci/tools does that)")
	}
	dir = t.TempDir()
	testkit.Must(t, os.Chmod(dir, 0o755)) // for the user of apt
	program := filepath.Join(t.TempDir(), "packaging")
	if out, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	cmd := exec.CommandContext(t.Context(), program, append([]string{"--root", "../..", "--out", dir, "--version", "v1.2.0",
		"--commit", "abc1234", "--arch", runtime.GOARCH, "--nfpm", nfpm}, args...)...)
	cmd.Env = append(os.Environ(), fmt.Sprintf("SOURCE_DATE_EPOCH=%d", at.Unix()), "TMPDIR="+t.TempDir())
	cmd.Env = append(cmd.Env, env...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("packaging: %v\n%s", err, out)
	}
	return dir, string(out)
}

// sums are the SHA-256 of all files below a folder.
func sums(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := make(map[string]string)
	testkit.Must(t, filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		sum, err := sumOf(path)
		name, _ := filepath.Rel(dir, path)
		all[name] = fmt.Sprintf("%x", sum)
		return err
	}))
	return all
}

// TestRelease makes a signed release twice, in other folders, and uses what is in it.
func TestRelease(t *testing.T) {
	for _, name := range []string{"dpkg-deb", "lintian"} {
		testkit.Tool(t, name, "dpkg lintian")
	}
	env := newKeys(t)
	dir, said := made(t, env)
	testkit.Lacks(t, "what the program says", said, "unsigned")
	again, _ := made(t, env)
	first, second := sums(t, dir), sums(t, again)
	for name, sum := range first {
		if second[name] != sum {
			t.Errorf("%s is not the same twice", name)
		}
	}
	testkit.Equal(t, "files of the second run", len(second), len(first))
	all := testkit.Try(products("../.."))(t)
	for _, p := range all {
		for _, name := range released(p) {
			if first[name] == "" {
				t.Errorf("the release lacks %s", name)
			}
			delete(first, name)
		}
	}
	for name := range first {
		if _, pool := strings.CutPrefix(name, "apt/"); !pool && filepath.Ext(name) != ".minisig" && name != sumsName && name != publicKeyName {
			t.Errorf("nobody knows %s", name)
		}
	}
	for _, p := range all {
		if !slices.Contains(p.Formats, formatDeb) {
			continue
		}
		t.Run(p.Package, func(t *testing.T) {
			deb := filepath.Join(dir, p.Package+"_1.2.0-1_"+runtime.GOARCH+".deb")
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
	t.Run("archives", func(t *testing.T) { archives(t, dir) })
	t.Run("image", func(t *testing.T) {
		imageRuns(t, filepath.Join(dir, "syslog-gateway_1.2.0_linux_"+runtime.GOARCH+".oci.tar"))
	})
	t.Run("apt", func(t *testing.T) { aptInstalls(t, filepath.Join(dir, aptFolder)) })
	t.Run("signatures", func(t *testing.T) { signatures(t, dir) })
}

// released are the files of a product but the signatures.
func released(p product) (names []string) {
	arch, rpmArch := runtime.GOARCH, map[string]string{"amd64": "x86_64", "arm64": "aarch64"}[runtime.GOARCH]
	if slices.Contains(p.Formats, formatDeb) {
		names = append(names, fmt.Sprintf("%s_1.2.0-1_%s.deb", p.Package, arch), fmt.Sprintf("%s-1.2.0-1.%s.rpm", p.Package, rpmArch),
			fmt.Sprintf("%s_1.2.0_linux_%s.oci.tar", p.Package, arch), fmt.Sprintf("%s_1.2.0_darwin_%s.tar.gz", p.Package, arch),
			fmt.Sprintf("%s_1.2.0_darwin_%s.cdx.json", p.Package, arch))
	}
	return append(names, fmt.Sprintf("%s_1.2.0_linux_%s.tar.gz", p.Package, arch), fmt.Sprintf("%s_1.2.0_linux_%s.cdx.json", p.Package, arch))
}

// expected is what the packages have beside their program, unit, user and documents.
var expected = map[string]struct {
	modes           map[string]int64
	conffiles, life string
}{
	"syslog-gateway": {
		modes: map[string]int64{
			"./etc/syslog-gateway/gateway.yaml":                                          0o640,
			"./etc/syslog-gateway/packs/":                                                0o755,
			"./etc/syslog-gateway/packs/README":                                          0o644,
			"./usr/lib/sysctl.d/60-syslog-gateway.conf":                                  0o644,
			"./usr/share/man/man1/gateway-run.1.gz":                                      0o644,
			"./usr/share/man/man5/gateway.yaml.5.gz":                                     0o644,
			"./usr/share/doc/syslog-gateway/configuration.md":                            0o644,
			"./usr/share/doc/syslog-gateway/install.md":                                  0o644,
			"./usr/share/doc/syslog-gateway/packs.md":                                    0o644,
			"./usr/share/doc/syslog-gateway/products.md":                                 0o644,
			"./usr/share/doc/syslog-gateway/upgrade.md":                                  0o644,
			"./usr/share/doc/syslog-gateway/devices/cisco_asa.md":                        0o644,
			"./usr/share/syslog-gateway/splunk/apps/syslog_gateway/default/indexes.conf": 0o644,
			"./usr/share/syslog-gateway/splunk/dashboards/syslog_gateway.xml":            0o644,
			"./usr/share/syslog-gateway/grafana/dashboard.json":                          0o644,
			"./usr/share/syslog-gateway/prometheus/alerts.yml":                           0o644,
			"./usr/lib/systemd/system/syslog-gateway.service":                            0o644,
			"./usr/lib/sysusers.d/syslog-gateway.conf":                                   0o644,
		},
		conffiles: "/etc/syslog-gateway/gateway.yaml\n/etc/syslog-gateway/packs/README\n",
		life:      lifeOfTheGateway,
	},
	"syslog-gateway-queue": {
		modes: map[string]int64{
			"./etc/syslog-gateway-queue/":                           0o755,
			"./usr/share/man/man1/syslog-gateway-queue-init.1.gz":   0o644,
			"./usr/share/doc/syslog-gateway-queue/cluster.md":       0o644,
			"./usr/lib/systemd/system/syslog-gateway-queue.service": 0o644,
			"./usr/lib/sysusers.d/syslog-gateway-queue.conf":        0o644,
		},
		life: lifeOfTheQueue,
	},
	"provision": {
		modes: map[string]int64{
			"./usr/share/man/man1/provision-plan.1.gz":           0o644,
			"./usr/share/doc/provision/provision.md":             0o644,
			"./usr/share/doc/provision/examples/deployment.json": 0o644,
		},
		life: lifeOfProvision,
	},
}

// content checks owner, mode and time of what is in a package, and that all is there.
func content(t *testing.T, deb string, p product, modes map[string]int64) {
	t.Helper()
	out := testkit.Try(exec.Command("dpkg-deb", "--fsys-tarfile", deb).Output())(t)
	modes = maps.Clone(modes)
	for _, name := range []string{
		"usr/share/man/man1/" + p.Binary + ".1.gz", "usr/share/bash-completion/completions/" + p.Binary,
		p.docs() + "/copyright", p.docs() + "/third-party-licences.gz", p.docs() + "/" + billName,
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
	r := testkit.Try(gzip.NewReader(bytes.NewReader(zipped([]byte(text), gzip.BestCompression))))(t)
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
	if err != nil || len(scripts) != 12 { // six of each service
		t.Fatalf("%q (%v)", scripts, err)
	}
	for _, script := range scripts {
		if out, err := exec.Command("sh", "-n", script).CombinedOutput(); err != nil {
			t.Errorf("%s: %v: %s", script, err, out)
		}
	}
}

// archives runs what is in those for this machine, and looks at those for macOS.
func archives(t *testing.T, from string) {
	dir := t.TempDir()
	for _, file := range testkit.Try(filepath.Glob(filepath.Join(from, "*.tar.gz")))(t) {
		if out, err := exec.Command("tar", "-xzf", file, "-C", dir).CombinedOutput(); err != nil {
			t.Fatalf("tar: %v\n%s", err, out)
		}
	}
	file := func(p, system, name string) string {
		return filepath.Join(dir, fmt.Sprintf("%s_1.2.0_%s_%s", p, system, runtime.GOARCH), name)
	}
	for _, p := range testkit.Try(products("../.."))(t) {
		zip := testkit.Try(os.Open(file(p.Package, "linux", "share/doc/"+p.Package+"/third-party-licences.gz")))(t)
		defer zip.Close()
		text := testkit.Try(io.ReadAll(testkit.Try(gzip.NewReader(zip))(t)))(t)
		testkit.Holds(t, "licences", string(text), "github.com/spf13/cobra", "Apache License")
		testkit.Must(t, exec.Command("grep", "-q", "Apache License", file(p.Package, "linux", "LICENSE")).Run())
	}
	out := testkit.Try(exec.Command(file("provision", "linux", "provision"), "version").Output())(t)
	testkit.Holds(t, "version", string(out), "provision 1.2.0", "abc1234")
	out = testkit.Try(exec.Command(file("syslog-gateway", "linux", "gateway"), "version").Output())(t)
	testkit.Holds(t, "version", string(out), "syslog-gateway 1.2.0", "abc1234")
	out = testkit.Try(exec.Command(file("syslog-gateway-queue", "linux", "syslog-gateway-queue"), "--version").Output())(t)
	testkit.Holds(t, "version", string(out), "1.2.0 (abc1234, nats-server ")
	out = testkit.Try(exec.Command(file("syslog-gateway-bench", "linux", "bench"), "size").Output())(t)
	testkit.Holds(t, "a size", string(out), "GB")
	for _, name := range []string{"gateway", "provision"} {
		p := map[string]string{"gateway": "syslog-gateway", "provision": "provision"}[name]
		head := testkit.Try(os.ReadFile(file(p, "darwin", name)))(t)[:4]
		if !bytes.Equal(head, []byte{0xcf, 0xfa, 0xed, 0xfe}) { // MH_MAGIC_64, little endian (mach-o/loader.h)
			t.Errorf("%s for macOS begins with % x", name, head)
		}
		if _, err := os.Stat(file(p, "darwin", "lib")); err == nil {
			t.Errorf("the archive of %s for macOS has units of systemd", name)
		}
	}
}

// TestChangelog: what is unreleased stands on top, then versions with their days, newest first
// (https://keepachangelog.com/en/1.1.0/).
func TestChangelog(t *testing.T) {
	text := string(testkit.Try(os.ReadFile("../../CHANGELOG.md"))(t))
	heads := regexp.MustCompile(`(?m)^## (.*)$`).FindAllStringSubmatch(text, -1)
	if len(heads) < 2 || heads[0][1] != "[Unreleased]" {
		t.Fatalf("headings are %q: want [Unreleased] first, then versions", heads)
	}
	before := "z"
	for _, head := range heads[1:] {
		m := regexp.MustCompile(`^\[[0-9]+\.[0-9]+\.[0-9]+\] - (2[0-9]{3}-[01][0-9]-[0-3][0-9])$`).FindStringSubmatch(head[1])
		if m == nil {
			t.Errorf("%q: want [1.2.0] - 2026-11-30", head[1])
		} else if m[1] > before {
			t.Errorf("%q is younger than what stands above it", head[1])
		} else {
			before = m[1]
		}
	}
	for _, m := range regexp.MustCompile(`(?m)^### (.*)$`).FindAllStringSubmatch(text, -1) {
		if !slices.Contains([]string{"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}, m[1]) {
			t.Errorf("%q is no kind of change", m[1])
		}
	}
}
