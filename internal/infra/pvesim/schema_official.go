package pvesim

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// SchemaVariable names the environment variable with the path of the official schema
// (apidoc.json of pve-docs).
const SchemaVariable = "PVE_SCHEMA"

// Schema is the official API schema. It is data of pve-docs and not part of this
// package: it is read from a file that the user has.
type Schema struct {
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

// ReadSchema reads the schema from a file.
func ReadSchema(path string) (*Schema, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the Proxmox VE schema: %w", err)
	}
	s := &Schema{}
	if err := json.Unmarshal(data, &s.root); err != nil {
		return nil, fmt.Errorf("read the Proxmox VE schema: %s: %w", path, err)
	}
	return s, nil
}

// SchemaFromEnv reads the file that PVE_SCHEMA names. Unset, it returns nil, which
// Options.Schema takes as none.
func SchemaFromEnv() (*Schema, error) {
	path := os.Getenv(SchemaVariable)
	if path == "" {
		return nil, nil
	}
	return ReadSchema(path)
}

// Check holds a request against the schema: path is below /api2/json and escaped;
// params are those of query, body and path. The error is nil, or says everything that is wrong.
func (s *Schema) Check(method, path string, params map[string]string) error {
	errs, err := s.errors(method, path, params)
	if err != nil {
		return err
	}
	if len(errs) > 0 {
		return fmt.Errorf("the schema refuses %s %s: %s", method, path, flat("", errs))
	}
	return nil
}

// errors returns what is wrong by parameter.
func (s *Schema) errors(method, path string, params map[string]string) (map[string]string, error) {
	elements, err := segments(path)
	if err != nil {
		return nil, err
	}
	m := s.find(s.root, method, elements)
	if m == nil {
		return nil, fmt.Errorf("the schema has no %s %s", method, path)
	}
	own, err := tableOf(m.Parameters.Properties, true)
	if err != nil {
		return nil, err
	}
	t := &tables{grammars: map[string]*schema{}}
	for name, p := range own.props {
		if p.props == "" {
			continue
		}
		if t.grammars[p.props], err = grammarOf(m.prop(name)); err != nil {
			return nil, err
		}
	}
	return t.check(own, params, ""), nil
}

// grammarOf is the grammar of a property string.
func grammarOf(a *apiProp) (*schema, error) {
	var keys map[string]*apiProp
	if err := json.Unmarshal(a.Format, &keys); err != nil {
		return nil, err
	}
	return tableOf(keys, false)
}

func (s *Schema) find(nodes []*apiNode, method string, elements []string) *apiMethod {
	for _, n := range nodes {
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
func tableOf(props map[string]*apiProp, top bool) (*schema, error) {
	out := &schema{props: map[string]*prop{}}
	for name, a := range props {
		p, err := a.prop(name)
		if err != nil {
			return nil, err
		}
		if p.isKey {
			out.key = name
		}
		family, indexed := strings.CutSuffix(name, "[n]")
		if !indexed || !top {
			out.props[name] = p
			continue
		}
		for i := range families[family] {
			one := *p
			one.name = family + strconv.Itoa(i)
			out.props[one.name] = &one
		}
	}
	return out, nil
}

func (a *apiProp) prop(name string) (*prop, error) {
	kinds := map[string]string{"integer": "int", "number": "num", "boolean": "bool"}
	p := &prop{name: name, kind: kinds[a.Type], requires: a.Requires, alias: a.Alias, keyAlias: a.KeyAlias, required: !truth(a.Optional), isKey: truth(a.Default)}
	if p.kind == "" {
		p.kind = "str"
	}
	if p.alias != "" {
		p.required = false
	}
	for _, e := range a.Enum {
		p.enum = append(p.enum, fmt.Sprint(e))
	}
	p.min, p.max = number(a.Minimum), number(a.Maximum)
	if n := number(a.MinLength); n != nil {
		p.minLen = int(*n)
	}
	if n := number(a.MaxLength); n != nil {
		p.maxLen = int(*n)
	}
	if a.Pattern != "" {
		re, err := regexp.Compile("^(?:" + strings.ReplaceAll(a.Pattern, "(?^:", "(?:") + ")$")
		if err == nil { // a few patterns are Perl's alone
			p.re = re
		}
	}
	if len(a.Format) > 0 && a.Format[0] == '{' {
		p.props = strings.TrimSuffix(name, "[n]")
	}
	return p, nil
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

// compare holds a request against the official schema, when there is one. What only the
// schema refuses is refused as well.
func (s *Sim) compare(c *call, own error, rec Request) error {
	if s.opt.Schema == nil {
		return own
	}
	errs, err := s.opt.Schema.errors(c.route.method, rec.Path, c.params)
	switch {
	case err != nil:
		s.mismatches = append(s.mismatches, err)
		return &apiError{status: 501, reason: oneLine(err.Error())}
	case len(errs) > 0 && own == nil:
		s.mismatches = append(s.mismatches, fmt.Errorf("%s %s: only the schema refuses: %s", rec.Method, rec.Path, flat("", errs)))
		return badParams(errs)
	case own != nil:
		s.mismatches = append(s.mismatches, onlyOurs(rec, own, errs)...)
	}
	return own
}

// onlyOurs lists what the own tables refuse and the schema, which knows neither
// named formats nor what the code checks, would have refused too, had it been so.
func onlyOurs(rec Request, own error, errs map[string]string) []error {
	e, ok := own.(*apiError)
	if !ok {
		return nil
	}
	var out []error
	for _, k := range sortedKeys(e.errors) {
		if text := e.errors[k]; errs[k] == "" && (text == errUnknownProp || text == errMissingProp) {
			out = append(out, fmt.Errorf("%s %s: only the own tables refuse %s: %s", rec.Method, rec.Path, k, text))
		}
	}
	return out
}
