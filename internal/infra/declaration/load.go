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
	if len(l.Problems) > 0 {
		return nil, l.Problems.sort()
	}
	e.Notes = l.Notes.sort()
	return e, nil
}

func load(ctx context.Context, o Options) (*Estate, *Report) {
	l := &Report{}
	deployment := l.read(o.Deployment)
	encrypted := l.decrypt(ctx, o)
	if deployment == nil || len(l.Problems) > 0 && encrypted == nil {
		return nil, l // what hangs together across the layers can't be judged
	}
	root := &Value{Kind: KindObject, Path: "$", File: deployment.File}
	for _, layer := range []*Value{deployment, encrypted, environment(o)} {
		if layer != nil {
			root.Overlay(layer)
		}
	}
	return build(l, root, o), l
}

// Overlay puts the keys of another layer on top. Null leaves what is there.
func (v *Value) Overlay(layer *Value) {
	for _, m := range layer.Members {
		if m.Value.Kind == KindNull {
			continue
		}
		replaced := false
		for i := range v.Members {
			if v.Members[i].Name == m.Name {
				v.Members[i], replaced = m, true
			}
		}
		if !replaced {
			v.Members = append(v.Members, m)
		}
	}
}

func (l *Report) read(path string) *Value {
	data, err := os.ReadFile(path)
	if err != nil {
		what := "can't be read: " + err.Error()
		if errors.Is(err, fs.ErrNotExist) {
			what = "there is no such file"
		}
		l.Problems = append(l.Problems, Problem{File: path, Path: "$", What: what, Fix: "name the declaration with -f; a missing file never reads as \"no guests\""})
		return nil
	}
	root, problems := Parse(data, path, false)
	l.Problems = append(l.Problems, problems...)
	return root
}

// decrypt reads the SOPS file. Absent it is an empty layer, unless it was named.
func (l *Report) decrypt(ctx context.Context, o Options) *Value {
	path := o.SOPS
	if path == "" {
		path = filepath.Join(filepath.Dir(o.Deployment), "terraform.sops.json")
	}
	failed := func(what, fix string) *Value {
		l.Problems = append(l.Problems, Problem{File: path, Path: "$", What: what, Fix: fix})
		return nil
	}
	data, err := secrets.Read(ctx, path, secrets.Options{Env: o.Env, Home: o.Home})
	if errors.Is(err, fs.ErrNotExist) && o.SOPS == "" {
		if _, missing := os.Lstat(path); errors.Is(missing, fs.ErrNotExist) {
			return &Value{Kind: KindObject, Path: "$", File: path}
		}
	}
	if err != nil {
		return failed("can't be decrypted: "+strings.TrimPrefix(err.Error(), "decrypt "+path+": "), "nothing is done without it: its values would fall back to defaults and move guests to other addresses")
	}
	if ext := strings.ToLower(filepath.Ext(path)); ext != ".json" {
		return failed("is not a JSON file", "encrypt the values as JSON")
	}
	root, problems := Parse(data, path, true)
	l.Problems = append(l.Problems, problems...)
	return root
}

// environment is the layer of variables.
//
// Decision: PROXMOX_SSH_USERNAME wins over the SOPS file as every variable does, and
// PROXMOX_VE_NODE that is not set leaves the declared node; in the Terragrunt file it
// was the other way round in both cases.
func environment(o Options) *Value {
	layer := &Value{Kind: KindObject, Path: "$", File: "environment"}
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
			layer.Overlay(&Value{Members: []Member{{v.key, &Value{
				Kind: KindText, Text: s, Path: Below("$", v.key), File: "environment " + v.variable, Hidden: v.hidden,
			}}}})
		}
	}
	return layer
}
