package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"debug/buildinfo"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"strings"
)

// licenceFile is how modules name their licences, and the notices that Apache-2.0
// wants passed on.
var licenceFile = regexp.MustCompile(`(?i)^(licen[cs]e|copying|notice|patents)([-.].*)?$`)

// licences writes the licences of everything that is linked into the program; all
// of them ask for that.
func (t tree) licences(ctx context.Context) error {
	text, err := t.licenceText(ctx, t.path(t.program()))
	if err != nil {
		return err
	}
	return t.write(t.docs()+"/third-party-licences.gz", zipped(text, gzip.BestCompression))
}

// licenceText are the licences of what is linked into a program.
func (t tree) licenceText(ctx context.Context, program string) ([]byte, error) {
	info, err := buildinfo.ReadFile(program)
	if err != nil {
		return nil, err
	}
	var text bytes.Buffer
	text.WriteString("The program contains the Go standard library and these modules, under the licences below.\n")
	goroot, err := run(exec.CommandContext(ctx, "go", "env", "GOROOT"))
	if err != nil {
		return nil, err
	}
	if err := addLicences(&text, "Go "+info.GoVersion, strings.TrimSpace(string(goroot))); err != nil {
		return nil, err
	}
	modules, err := t.sources(ctx, info.Deps)
	if err != nil {
		return nil, err
	}
	for _, m := range modules {
		if err := addLicences(&text, m.Path+" "+m.Version, m.Dir); err != nil {
			return nil, err
		}
	}
	return text.Bytes(), nil
}

// source is where the sources of a module are.
type source struct{ Path, Version, Dir string }

func (t tree) sources(ctx context.Context, modules []*debug.Module) ([]source, error) {
	args := []string{"mod", "download", "-json"}
	for _, m := range modules {
		if m.Replace != nil {
			m = m.Replace
		}
		args = append(args, m.Path+"@"+m.Version)
	}
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = t.Root
	out, err := run(cmd)
	if err != nil {
		return nil, err
	}
	var found []source
	for d := json.NewDecoder(bytes.NewReader(out)); d.More(); {
		var s source
		if err := d.Decode(&s); err != nil {
			return nil, err
		}
		found = append(found, s)
	}
	return found, nil
}

func addLicences(text *bytes.Buffer, name, dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	found := false
	for _, e := range entries {
		if e.IsDir() || !licenceFile.MatchString(e.Name()) {
			continue
		}
		content, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			return err
		}
		found = true
		fmt.Fprintf(text, "\n======== %s: %s\n\n%s\n", name, e.Name(), bytes.TrimSpace(content))
	}
	if !found && !strings.HasPrefix(name, "Go ") { // a distribution's Go may keep it elsewhere
		return fmt.Errorf("%s has no licence file in %s: it cannot be passed on", name, dir)
	}
	return nil
}
