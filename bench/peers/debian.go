package peers

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// tree is a folder with unpacked Debian packages.
type tree struct {
	dir  string // where the packages lie
	root string // what is in them
}

// unpack downloads packages of Debian and unpacks them below dir, once. Nothing is
// installed, so nothing is started and no other package has to give way.
func unpack(ctx context.Context, dir string, packages ...string) (tree, error) {
	t := tree{dir: dir, root: filepath.Join(dir, "root")}
	done, list := filepath.Join(dir, "unpacked"), strings.Join(packages, "\n")
	if had, err := os.ReadFile(done); err == nil && string(had) == list {
		return t, nil
	}
	if err := require("apt-get", "dpkg"); err != nil {
		return t, err
	}
	if err := t.clear(); err != nil {
		return t, fmt.Errorf("make a folder for %s: %w", packages[0], err)
	}
	// apt-get reads and writes only here, and as the user that runs this.
	if err := do(ctx, dir, nil, "apt-get", append([]string{"-q", "-o", "APT::Sandbox::User=root", "download"}, packages...)...); err != nil {
		return t, missing("download %s: %w", strings.Join(packages, " "), err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.deb"))
	if err != nil {
		return t, err
	}
	for _, file := range files {
		if err := do(ctx, dir, nil, "dpkg", "-x", file, t.root); err != nil {
			return t, fmt.Errorf("unpack %s: %w", file, err)
		}
	}
	return t, os.WriteFile(done, []byte(list), 0o644)
}

// clear makes the folder, without the files of another list of packages.
func (t tree) clear() error {
	old, err := filepath.Glob(filepath.Join(t.dir, "*.deb"))
	errs := []error{err}
	for _, path := range append(old, t.root) {
		errs = append(errs, os.RemoveAll(path))
	}
	return errors.Join(append(errs, os.MkdirAll(t.dir, 0o755))...)
}

// require says which programs are not there.
func require(programs ...string) error {
	var none []string
	for _, p := range programs {
		if _, err := exec.LookPath(p); err != nil {
			none = append(none, p)
		}
	}
	if none != nil {
		return missing("no %s in PATH", strings.Join(none, ", "))
	}
	return nil
}

// do runs a program in dir; an error has the last line of what it wrote.
func do(ctx context.Context, dir string, env []string, program string, args ...string) error {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", filepath.Base(program), err, last(out))
	}
	return nil
}

// lines are those that a program writes to its standard output.
func lines(ctx context.Context, program string, args ...string) ([]string, error) {
	out, err := exec.CommandContext(ctx, program, args...).Output()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", program, err)
	}
	return strings.FieldsFunc(string(out), func(r rune) bool { return r == '\n' }), nil
}

// last is the last line of some output.
func last(out []byte) string {
	text := strings.TrimSpace(string(out))
	return text[strings.LastIndexByte(text, '\n')+1:]
}

// path is a file of the tree.
func (t tree) path(name string) string { return filepath.Join(t.root, name) }

// version is the version of one of the tree's packages.
func (t tree) version(ctx context.Context, name string) (string, error) {
	files, _ := filepath.Glob(filepath.Join(t.dir, name+"_*.deb")) // a good pattern
	if len(files) != 1 {
		return "", fmt.Errorf("%d files of the package %s lie in %s, want one: remove that folder", len(files), name, t.dir)
	}
	return firstLine(ctx, nil, "dpkg-deb", "-f", files[0], "Version")
}

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
