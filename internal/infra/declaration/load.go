package declaration

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"syslog-gateway/internal/infra/secrets"
)

// Precedence is the one order of the layers, for people; later ones win, by whole
// top-level keys.
const Precedence = "defaults < deployment.json < terraform.sops.json < environment"

// Options say where a declaration is.
type Options struct {
	Deployment string              // path of deployment.json
	SOPS       string              // path of terraform.sops.json; "": beside Deployment, where it may be absent
	Env        func(string) string // os.Getenv; nil: no variable is set
	Home       string              // what ~ stands for; "": paths that begin with it are not found
}

func (o Options) env(name string) string {
	if o.Env == nil {
		return ""
	}
	return o.Env(name)
}

// expand replaces ~/ at the start of a path.
func (o Options) expand(path string) string {
	if rest, ok := strings.CutPrefix(path, "~/"); ok && o.Home != "" {
		return filepath.Join(o.Home, rest)
	}
	return path
}

// Load reads and checks a declaration. When it is wrong the error is [Problems], all
// of them. It needs no network and no credentials but the key of the SOPS file.
func Load(ctx context.Context, o Options) (*Estate, error) {
	e, l := load(ctx, o)
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("read the declaration: %w", err)
	}
	if len(l.problems) > 0 {
		return nil, l.problems.sort()
	}
	e.Notes = l.notes.sort()
	return e, nil
}

func load(ctx context.Context, o Options) (*Estate, *loader) {
	l := &loader{}
	deployment := l.read(o.Deployment)
	encrypted := l.decrypt(ctx, o)
	if deployment == nil || len(l.problems) > 0 && encrypted == nil {
		return nil, l // what hangs together across the layers can't be judged
	}
	root := &value{kind: isObject, path: "$", file: deployment.file}
	for _, layer := range []*value{deployment, encrypted, environment(o)} {
		if layer != nil {
			root.overlay(layer)
		}
	}
	return build(l, root, o), l
}

// overlay puts the keys of another layer on top. Null leaves what is there.
func (v *value) overlay(layer *value) {
	for _, m := range layer.members {
		if m.value.kind == isNull {
			continue
		}
		replaced := false
		for i := range v.members {
			if v.members[i].name == m.name {
				v.members[i], replaced = m, true
			}
		}
		if !replaced {
			v.members = append(v.members, m)
		}
	}
}

func (l *loader) read(path string) *value {
	data, err := os.ReadFile(path)
	if err != nil {
		what := "can't be read: " + err.Error()
		if errors.Is(err, fs.ErrNotExist) {
			what = "there is no such file"
		}
		l.problems = append(l.problems, Problem{File: path, Path: "$", What: what, Fix: "name the declaration with -f; a missing file never reads as \"no guests\""})
		return nil
	}
	root, problems := parse(data, path, false)
	l.problems = append(l.problems, problems...)
	return root
}

// decrypt reads the SOPS file. Absent it is an empty layer, unless it was named.
func (l *loader) decrypt(ctx context.Context, o Options) *value {
	path := o.SOPS
	if path == "" {
		path = filepath.Join(filepath.Dir(o.Deployment), "terraform.sops.json")
	}
	failed := func(what, fix string) *value {
		l.problems = append(l.problems, Problem{File: path, Path: "$", What: what, Fix: fix})
		return nil
	}
	data, err := secrets.Read(ctx, path, secrets.Options{Env: o.Env, Home: o.Home})
	if errors.Is(err, fs.ErrNotExist) && o.SOPS == "" {
		if _, missing := os.Lstat(path); errors.Is(missing, fs.ErrNotExist) {
			return &value{kind: isObject, path: "$", file: path}
		}
	}
	if err != nil {
		return failed("can't be decrypted: "+strings.TrimPrefix(err.Error(), "decrypt "+path+": "), "nothing is done without it: its values would fall back to defaults and move guests to other addresses")
	}
	if ext := strings.ToLower(filepath.Ext(path)); ext != ".json" {
		return failed("is not a JSON file", "encrypt the values as JSON")
	}
	root, problems := parse(data, path, true)
	l.problems = append(l.problems, problems...)
	return root
}

// environment is the layer of variables.
//
// Decision: PROXMOX_SSH_USERNAME wins over the SOPS file as every variable does, and
// PROXMOX_VE_NODE that is not set leaves the declared node; in the Terragrunt file it
// was the other way round in both cases.
func environment(o Options) *value {
	layer := &value{kind: isObject, path: "$", file: "environment"}
	for _, v := range []struct {
		variable, key string
		hidden        bool
	}{
		{"PROXMOX_VE_NODE", "proxmox_node", false},
		{"PROXMOX_SSH_USERNAME", "proxmox_ssh_username", false},
		{"PROXMOX_SSH_KEY_PATH", "proxmox_ssh_private_key", true},
		{"PROXMOX_SSH_PRIVATE_KEY", "proxmox_ssh_private_key", true},
	} {
		if s := o.env(v.variable); s != "" {
			layer.overlay(&value{members: []member{{v.key, &value{
				kind: isText, text: s, path: below("$", v.key), file: "environment " + v.variable, hidden: v.hidden,
			}}}})
		}
	}
	return layer
}
