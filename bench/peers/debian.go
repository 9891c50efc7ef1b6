package peers

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// tree is a folder with unpacked Debian packages.
type tree struct{ root string }

// unpack downloads packages of Debian and unpacks them below dir, once. Nothing is
// installed, so nothing is started and no other package has to give way.
func unpack(ctx context.Context, dir string, packages ...string) (tree, error) {
	t := tree{filepath.Join(dir, "root")}
	done := filepath.Join(dir, "unpacked")
	if _, err := os.Stat(done); err == nil {
		return t, nil
	}
	for _, tool := range []string{"apt-get", "dpkg"} {
		if _, err := exec.LookPath(tool); err != nil {
			return t, missing("packages of Debian need %s: %w", tool, err)
		}
	}
	// apt-get reads and writes only here, and as the user that runs this.
	get := exec.CommandContext(ctx, "apt-get", append([]string{"-q", "-o", "APT::Sandbox::User=root", "download"}, packages...)...)
	get.Dir = dir
	if out, err := get.CombinedOutput(); err != nil {
		return t, missing("download %s: %w: %s", strings.Join(packages, " "), err, last(out))
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.deb"))
	if err != nil {
		return t, err
	}
	for _, file := range files {
		if out, err := exec.CommandContext(ctx, "dpkg", "-x", file, t.root).CombinedOutput(); err != nil {
			return t, fmt.Errorf("unpack %s: %w: %s", file, err, last(out))
		}
	}
	return t, os.WriteFile(done, nil, 0o644)
}

// last is the last line of some output.
func last(out []byte) string {
	text := strings.TrimSpace(string(out))
	return text[strings.LastIndexByte(text, '\n')+1:]
}

// path is a file of the tree.
func (t tree) path(name string) string { return filepath.Join(t.root, name) }

// libraries is the environment with which the tree's programs find its libraries.
func (t tree) libraries(more ...string) []string {
	var dirs []string
	for _, m := range more {
		dirs = append(dirs, t.path(m))
	}
	for _, pattern := range []string{"usr/lib/*-linux-gnu*", "lib/*-linux-gnu*"} {
		found, _ := filepath.Glob(t.path(pattern)) // the patterns are well formed
		dirs = append(dirs, found...)
	}
	return []string{"LD_LIBRARY_PATH=" + strings.Join(dirs, ":")}
}
