package schema

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Variable names the environment variable with the path of the official schema
// (apidoc.json of pve-docs).
const Variable = "PVE_SCHEMA"

// Official is the official API schema: apidoc.json of pve-docs, which is not part of
// this package but read from a file of the user.
type Official struct {
	root []*apiNode
}

type apiNode struct {
	Path     string                `json:"path"`
	Children []*apiNode            `json:"children"`
	Info     map[string]*apiMethod `json:"info"`
}

type apiMethod struct {
	Parameters struct {
		Properties map[string]*apiProp `json:"properties"`
	} `json:"parameters"`
}

// apiProp is a parameter, or a key of a property string. Numbers appear as numbers
// and as strings in the file.
type apiProp struct {
	Type      string          `json:"type"`
	Optional  json.RawMessage `json:"optional"`
	Enum      []any           `json:"enum"`
	Minimum   json.RawMessage `json:"minimum"`
	Maximum   json.RawMessage `json:"maximum"`
	MinLength json.RawMessage `json:"minLength"`
	MaxLength json.RawMessage `json:"maxLength"`
	Pattern   string          `json:"pattern"`
	Requires  string          `json:"requires"`
	Format    json.RawMessage `json:"format"`
	Default   json.RawMessage `json:"default_key"`
	Alias     string          `json:"alias"`
	KeyAlias  string          `json:"keyAlias"`
}

// Read reads the schema from a file.
func Read(path string) (*Official, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the Proxmox VE schema: %w", err)
	}
	s := &Official{}
	if err := json.Unmarshal(data, &s.root); err != nil {
		return nil, fmt.Errorf("read the Proxmox VE schema: %s: %w", path, err)
	}
	return s, nil
}

// FromEnv reads the file that PVE_SCHEMA names. Unset, it returns nil, which
// Options.Schema takes as none.
func FromEnv() (*Official, error) {
	path := os.Getenv(Variable)
	if path == "" {
		return nil, nil
	}
	return Read(path)
}

// Errors holds a request against the schema and returns what is wrong by parameter: path is
// below /api2/json and escaped; params are those of query, body and path.
func (s *Official) Errors(method, path string, params map[string]string) (map[string]string, error) {
	own, grammars, err := s.Params(method, path)
	if err != nil {
		return nil, err
	}
	t := &Tables{Grammars: grammars}
	return t.Check(own, params, ""), nil
}

// Params are the parameters of a method, and the grammars of those that are property
// strings, by the name in [Param.Grammar].
func (s *Official) Params(method, path string) (*Params, map[string]*Params, error) {
	elements, err := Segments(path)
	if err != nil {
		return nil, nil, err
	}
	m := s.find(s.root, method, elements)
	if m == nil {
		return nil, nil, fmt.Errorf("the schema has no %s %s", method, path)
	}
	own := tableOf(m.Parameters.Properties, true)
	grammars := map[string]*Params{}
	for name, p := range own.ByName {
		if p.Grammar == "" {
			continue
		}
		if grammars[p.Grammar], err = grammarOf(m.prop(name)); err != nil {
			return nil, nil, err
		}
	}
	return own, grammars, nil
}

// Segments are the unescaped elements of a path.
func Segments(path string) ([]string, error) {
	var out []string
	for e := range strings.SplitSeq(strings.TrimPrefix(path, "/"), "/") {
		u, err := url.PathUnescape(e)
		if err != nil {
			return nil, err
		}
		out = append(out, u)
	}
	return out, nil
}

// grammarOf is the grammar of a property string.
func grammarOf(a *apiProp) (*Params, error) {
	var keys map[string]*apiProp
	if err := json.Unmarshal(a.Format, &keys); err != nil {
		return nil, err
	}
	return tableOf(keys, false), nil
}

func (s *Official) find(nodes []*apiNode, method string, elements []string) *apiMethod {
	for _, n := range nodes {
		if n == nil || len(elements) == 0 {
			continue
		}
		last := n.Path[strings.LastIndexByte(n.Path, '/')+1:]
		isName := strings.HasPrefix(last, "{")
		if !isName && last != elements[0] {
			continue
		}
		if len(elements) == 1 || isName && len(n.Children) == 0 {
			if m := n.Info[method]; m != nil {
				return m
			}
			continue
		}
		if m := s.find(n.Children, method, elements[1:]); m != nil {
			return m
		}
	}
	return nil
}

// prop finds a parameter, also one of a family net[n].
func (m *apiMethod) prop(name string) *apiProp {
	if p := m.Parameters.Properties[name]; p != nil {
		return p
	}
	return m.Parameters.Properties[strings.TrimRight(name, "0123456789")+"[n]"]
}

// families are the limits of the indexed parameters.
var families = map[string]int{"net": 32, "scsi": 31, "virtio": 16, "sata": 6, "ide": 4, "mp": 256, "ipconfig": 32, "dev": 256, "unused": 256,
	"acmedomain": 6, "hostpci": 16, "numa": 8, "parallel": 3, "serial": 4, "usb": 14, "virtiofs": 10}

// tableOf turns the schema's properties into ours. Named formats are not in the file,
// so they are not checked here.
func tableOf(props map[string]*apiProp, top bool) *Params {
	out := &Params{ByName: map[string]*Param{}}
	for name, a := range props {
		if a == nil {
			continue
		}
		p := a.prop(name)
		if p.IsKey {
			out.Key = name
		}
		family, indexed := strings.CutSuffix(name, "[n]")
		if !indexed || !top {
			out.ByName[name] = p
			continue
		}
		for i := range families[family] {
			one := *p
			one.Name = family + strconv.Itoa(i)
			out.ByName[one.Name] = &one
		}
	}
	return out
}

func (a *apiProp) prop(name string) *Param {
	kinds := map[string]string{"integer": "int", "number": "num", "boolean": "bool", "array": "array"}
	p := &Param{Name: name, Kind: kinds[a.Type], Requires: a.Requires, Alias: a.Alias, KeyAlias: a.KeyAlias, Required: !truth(a.Optional), IsKey: truth(a.Default)}
	p.Kind = cmp.Or(p.Kind, "str")
	if p.Alias != "" {
		p.Required = false
	}
	for _, e := range a.Enum {
		p.Enum = append(p.Enum, fmt.Sprint(e))
	}
	p.Min, p.Max = number(a.Minimum), number(a.Maximum)
	if n := number(a.MinLength); n != nil {
		p.MinLen = int(*n)
	}
	if n := number(a.MaxLength); n != nil {
		p.MaxLen = int(*n)
	}
	if a.Pattern != "" {
		re, err := regexp.Compile("^(?:" + strings.ReplaceAll(a.Pattern, "(?^:", "(?:") + ")$")
		if err == nil { // a few patterns are Perl's alone
			p.re = re
		}
	}
	if len(a.Format) > 0 && a.Format[0] == '{' {
		p.Grammar = strings.TrimSuffix(name, "[n]")
	}
	return p
}

func truth(raw json.RawMessage) bool {
	return slices.Contains([]string{"1", `"1"`, "true"}, string(raw))
}

func number(raw json.RawMessage) *float64 {
	f, err := strconv.ParseFloat(strings.Trim(string(raw), `"`), 64)
	if err != nil {
		return nil
	}
	return &f
}
