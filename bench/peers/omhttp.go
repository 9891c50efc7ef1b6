package peers

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// omhttpFile is rsyslog's module that posts over HTTP. Debian builds its rsyslog without.
const omhttpFile = "omhttp.so"

// findOmhttp returns the folder of a module omhttp that fits the rsyslog in t, and says
// where it is from. It is that of the package, that of an installed rsyslog of the same
// version, or one that is built in dir, once for each version.
func findOmhttp(ctx context.Context, dir string, t tree) (folder, origin string, err error) {
	version, err := t.version(ctx, "rsyslog")
	if err != nil {
		return "", "", err
	}
	if m, _ := filepath.Glob(t.path("usr/lib/*/rsyslog/" + omhttpFile)); len(m) > 0 { // a good pattern
		return filepath.Dir(m[0]), "the package's", nil
	}
	if m, _ := filepath.Glob("/usr/lib/*/rsyslog/" + omhttpFile); len(m) > 0 { // a good pattern
		installed, err := firstLine(ctx, nil, "dpkg-query", "-W", "-f", "${Version}", "rsyslog")
		if err == nil && installed == version {
			return filepath.Dir(m[0]), "the installed", nil
		}
	}
	folder = filepath.Join(dir, "omhttp-"+version)
	originFile := filepath.Join(folder, "origin")
	if text, err := os.ReadFile(originFile); err == nil {
		return folder, string(text), nil
	}
	source, err := buildOmhttp(ctx, filepath.Join(dir, "build"), folder, version)
	if err != nil {
		return "", "", err
	}
	origin = "built from Debian's source " + source
	return folder, origin, os.WriteFile(originFile, []byte(origin), 0o644)
}

// buildOmhttp builds the module from Debian's source of rsyslog into folder, and returns
// the version of the source. work is gone afterwards.
func buildOmhttp(ctx context.Context, work, folder, version string) (source string, err error) {
	if err := require("apt-get", "apt-cache", "dpkg-source", "gcc", "make", "pkg-config"); err != nil {
		return "", fmt.Errorf("%w (apt install dpkg-dev gcc libc6-dev make pkg-config)", err)
	}
	if err := os.RemoveAll(work); err != nil {
		return "", fmt.Errorf("clear a folder for a build: %w", err)
	}
	defer os.RemoveAll(work)
	dev, err := unpack(ctx, filepath.Join(work, "dev"), "libestr0", "libestr-dev", "libfastjson4", "libfastjson-dev",
		"libcurl4", "libcurl4-openssl-dev", "zlib1g-dev")
	if err != nil {
		return "", err
	}
	a := sourceApt{dir: filepath.Join(work, "apt")}
	if source, err = a.fetch(ctx, "rsyslog", version); err != nil {
		return "", err
	}
	src := filepath.Join(work, "rsyslog")
	dsc, _ := filepath.Glob(filepath.Join(a.dir, "*.dsc")) // a good pattern
	if len(dsc) != 1 {
		return "", missing("%d sources of rsyslog %s in %s, want one", len(dsc), source, a.dir)
	}
	if err := do(ctx, work, nil, "dpkg-source", "-x", dsc[0], src); err != nil {
		return "", missing("unpack the source of rsyslog %s: %w", source, err)
	}
	lib, _ := filepath.Glob(dev.path("usr/lib/*/pkgconfig")) // a good pattern
	if len(lib) == 0 {
		return "", missing("the packages in %s have no files for pkg-config", dev.root)
	}
	env := []string{
		"PKG_CONFIG_SYSROOT_DIR=" + dev.root, "PKG_CONFIG_LIBDIR=" + lib[0], "CFLAGS=-O2",
		"CPPFLAGS=-I" + dev.path("usr/include") + " -I" + filepath.Join(dev.root, "usr/include", filepath.Base(filepath.Dir(lib[0]))),
		"LDFLAGS=-L" + filepath.Dir(lib[0]),
	}
	// All that would need further libraries is off: only the one module is made.
	if err := do(ctx, src, env, "./configure", "--enable-omhttp", "--disable-static", "--disable-libgcrypt",
		"--disable-uuid", "--disable-klog", "--disable-generate-man-pages"); err != nil {
		return "", missing("configure rsyslog %s: %w", source, err)
	}
	if err := do(ctx, src, env, "make", "-C", "contrib/omhttp", "omhttp.la"); err != nil {
		return "", missing("build omhttp of rsyslog %s: %w", source, err)
	}
	module, err := os.ReadFile(filepath.Join(src, "contrib/omhttp/.libs", omhttpFile))
	if err != nil {
		return "", missing("build omhttp of rsyslog %s: %w", source, err)
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return "", fmt.Errorf("make the folder of omhttp: %w", err)
	}
	return source, os.WriteFile(filepath.Join(folder, omhttpFile), module, 0o755)
}

// sourceApt is a configuration of apt for source packages of Debian: the machine's own
// has none as a rule, and is not to be changed for this.
type sourceApt struct{ dir string }

// options keep apt in its folder.
func (a sourceApt) options(args ...string) []string {
	return append([]string{
		"-q", "-o", "APT::Sandbox::User=root",
		"-o", "Dir::Etc::sourcelist=" + filepath.Join(a.dir, "sources.list"), "-o", "Dir::Etc::sourceparts=/dev/null",
		"-o", "Dir::State::lists=" + filepath.Join(a.dir, "lists"), "-o", "Dir::Cache=" + filepath.Join(a.dir, "cache"),
		"-o", "Acquire::Retries=1", "-o", "Acquire::http::Timeout=20",
	}, args...)
}

// fetch downloads the source of a package into a.dir and returns its version: the wanted
// one, or where its archive no longer has that, another of the same upstream version.
func (a sourceApt) fetch(ctx context.Context, name, version string) (string, error) {
	for _, d := range []string{"lists/partial", "cache/archives/partial"} {
		if err := os.MkdirAll(filepath.Join(a.dir, d), 0o755); err != nil {
			return "", fmt.Errorf("make a folder for apt: %w", err)
		}
	}
	// The machine's package repositories also have the packages' sources.
	sources, err := lines(ctx, "apt-get", "indextargets", "--format",
		"deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $(REPO_URI) $(RELEASE) $(COMPONENT)",
		"Created-By: Packages", "Origin: Debian")
	if err != nil {
		return "", missing("list the archives of apt: %w", err)
	}
	if len(sources) == 0 {
		return "", missing("apt has no list of packages of Debian: apt-get update loads it")
	}
	slices.Sort(sources)
	sources = slices.Compact(sources) // one of each architecture
	if err := os.WriteFile(filepath.Join(a.dir, "sources.list"), []byte(strings.Join(sources, "\n")+"\n"), 0o644); err != nil {
		return "", fmt.Errorf("write the sources of apt: %w", err)
	}
	if err := do(ctx, a.dir, nil, "apt-get", a.options("update")...); err != nil {
		return "", missing("list the sources of Debian: %w", err)
	}
	known, err := lines(ctx, "apt-cache", a.options("madison", name)...)
	if err != nil {
		return "", missing("list the sources of %s: %w", name, err)
	}
	versions := []string{version}
	for _, line := range known { // name | version | where
		if f := strings.Split(line, "|"); len(f) == 3 {
			if v := strings.TrimSpace(f[1]); upstream(v) == upstream(version) && !slices.Contains(versions, v) {
				versions = append(versions, v)
			}
		}
	}
	for _, v := range versions {
		if err = do(ctx, a.dir, nil, "apt-get", a.options("source", "--download-only", name+"="+v)...); err == nil {
			return v, nil
		}
	}
	return "", missing("download the source of %s %s: %w", name, strings.Join(versions, " or "), err)
}

// upstream is a version of Debian without what Debian has added.
func upstream(version string) string {
	if i := strings.LastIndexByte(version, '-'); i > 0 {
		return version[:i]
	}
	return version
}
