package declaration

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"syslog-gateway/internal/infra/declaration/reader"
	"syslog-gateway/internal/infra/secrets"
)

// Precedence is the one order of the layers, for people; later ones win, by whole
// top-level keys.
const Precedence = "defaults < deployment.json < terraform.sops.json < environment"

// Options say where a declaration is.
type Options struct {
	Deployment string              // path of deployment.json
	SOPS       string              // path of terraform.sops.json; "": beside Deployment, where it may be absent
	Env        func(string) string // such as os.Getenv; optional
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
	e, report := load(ctx, o)
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("read the declaration: %w", err)
	}
	if len(report.Problems) > 0 {
		return nil, report.Problems.Sort()
	}
	e.Notes = report.Notes.Sort()
	return e, nil
}

func load(ctx context.Context, o Options) (*Estate, *reader.Report) {
	report := &reader.Report{}
	deployment := readFile(report, o.Deployment)
	encrypted := decrypt(ctx, report, o)
	if deployment == nil || len(report.Problems) > 0 && encrypted == nil {
		return nil, report // values of one layer cannot be checked without the other
	}
	root := &reader.Value{Kind: reader.KindObject, Path: "$", File: deployment.File}
	for _, layer := range []*reader.Value{deployment, encrypted, environment(o)} {
		if layer != nil {
			root.Overlay(layer)
		}
	}
	return build(report, root, o), report
}

// readFile reads deployment.json.
func readFile(report *reader.Report, path string) *reader.Value {
	data, err := os.ReadFile(path)
	if err != nil {
		what := "cannot be read: " + err.Error()
		if errors.Is(err, fs.ErrNotExist) {
			what = "there is no such file"
		}
		report.Problems = append(report.Problems, reader.Problem{File: path, Path: "$", What: what, Fix: "name the declaration with -f; a missing file never reads as \"no guests\""})
		return nil
	}
	root, problems := reader.Parse(data, path, false)
	report.Problems = append(report.Problems, problems...)
	return root
}

// decrypt reads the SOPS file. Absent it is an empty layer, unless it was named.
func decrypt(ctx context.Context, report *reader.Report, o Options) *reader.Value {
	path := cmp.Or(o.SOPS, filepath.Join(filepath.Dir(o.Deployment), "terraform.sops.json"))
	failed := func(what, fix string) *reader.Value {
		report.Problems = append(report.Problems, reader.Problem{File: path, Path: "$", What: what, Fix: fix})
		return nil
	}
	data, err := secrets.Read(ctx, path, secrets.Options{Env: o.Env, Home: o.Home})
	if errors.Is(err, fs.ErrNotExist) && o.SOPS == "" {
		if _, missing := os.Lstat(path); errors.Is(missing, fs.ErrNotExist) {
			return &reader.Value{Kind: reader.KindObject, Path: "$", File: path}
		}
	}
	if err != nil {
		return failed("cannot be decrypted: "+strings.TrimPrefix(err.Error(), "decrypt "+path+": "), "nothing is done without it: its values would fall back to defaults and move guests to other addresses")
	}
	if ext := strings.ToLower(filepath.Ext(path)); ext != ".json" {
		return failed("is not a JSON file", "encrypt the values as JSON")
	}
	root, problems := reader.Parse(data, path, true)
	report.Problems = append(report.Problems, problems...)
	return root
}

// environment is the layer of variables.
//
// Decision: PROXMOX_SSH_USERNAME wins over the SOPS file as every variable does, and
// PROXMOX_VE_NODE that is not set leaves the declared node; in the Terragrunt file it
// was the other way round in both cases.
func environment(o Options) *reader.Value {
	layer := &reader.Value{Kind: reader.KindObject, Path: "$", File: "environment"}
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
			layer.Overlay(&reader.Value{Members: []reader.Member{{Name: v.key, Value: &reader.Value{
				Kind: reader.KindText, Text: s, Path: reader.Below("$", v.key), File: "environment " + v.variable, Hidden: v.hidden,
			}}}})
		}
	}
	return layer
}

// What is wrong with a declaration, or worth a note, and where values come from.
type (
	Problem  = reader.Problem
	Problems = reader.Problems
	Setting  = reader.Setting
)

// Explain returns every effective value, in the order in which the declaration is
// read, with its origin. It does so for a wrong declaration, too, as far as that can
// be read; the error is then the one of [Load].
func Explain(ctx context.Context, o Options) ([]Setting, error) {
	_, report := load(ctx, o)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if len(report.Problems) > 0 {
		return report.Settings, report.Problems.Sort()
	}
	return report.Settings, nil
}
