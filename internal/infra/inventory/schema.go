package inventory

import (
	_ "embed" // the schemas
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// ownSchema is the shape that we promise.
//
//go:embed inventory.schema.json
var ownSchema []byte

// legacySchema is what the repositories that read the document checked theirs with:
// stricter than their own playbooks.
//
//go:embed legacy.schema.json
var legacySchema []byte

// Check returns what is wrong with a document by our own schema, each with its place.
func Check(document []byte) ([]string, error) { return check(document, ownSchema) }

// CheckLegacy returns what the schema of ansible-proxmox-apps would refuse. It is a
// report: that schema knows fewer ports than the playbooks beside it use.
func CheckLegacy(document []byte) ([]string, error) { return check(document, legacySchema) }

func check(document, text []byte) ([]string, error) {
	doc, err := decode(document)
	if err != nil {
		return nil, err
	}
	var root schema
	if err := json.Unmarshal(text, &root); err != nil {
		return nil, fmt.Errorf("inventory: schema: %w", err)
	}
	v := validator{root: &root}
	v.check("$", doc, &root)
	slices.Sort(v.wrong)
	return v.wrong, nil
}

// schema is as much of JSON Schema (draft-07) as the two files use.
type schema struct {
	Ref         string             `json:"$ref"`
	Definitions map[string]*schema `json:"definitions"`

	Type  string `json:"type"` // object, array, string, integer or boolean
	Const any    `json:"const"`

	Properties    map[string]*schema `json:"properties"`
	Required      []string           `json:"required"`
	Additional    *additional        `json:"additionalProperties"`
	MinProperties int                `json:"minProperties"`

	Items *schema `json:"items"`

	Pattern   string `json:"pattern"`
	MinLength int    `json:"minLength"`

	Minimum *int64 `json:"minimum"`
	Maximum *int64 `json:"maximum"`
}

// additional is additionalProperties: false, or the schema of those.
type additional struct {
	none   bool
	schema *schema
}

// UnmarshalJSON implements json.Unmarshaler.
func (a *additional) UnmarshalJSON(text []byte) error {
	switch string(text) {
	case "false":
		a.none = true
		return nil
	case "true":
		return nil
	}
	return json.Unmarshal(text, &a.schema)
}

// validator collects what is wrong.
type validator struct {
	root  *schema
	wrong []string
}

func (v *validator) fail(path, format string, args ...any) {
	v.wrong = append(v.wrong, path+": "+fmt.Sprintf(format, args...))
}

func (v *validator) check(path string, value any, s *schema) {
	if name, ok := strings.CutPrefix(s.Ref, "#/definitions/"); ok {
		s = v.root.Definitions[name]
	}
	if s.Const != nil && !reflect.DeepEqual(value, s.Const) {
		v.fail(path, "is %s, must be %s", shown(value), shown(s.Const))
	}
	switch value := value.(type) {
	case map[string]any:
		if v.typed(path, "object", s) {
			v.object(path, value, s)
		}
	case []any:
		if v.typed(path, "array", s) && s.Items != nil {
			for i, item := range value {
				v.check(fmt.Sprintf("%s[%d]", path, i), item, s.Items)
			}
		}
	case string:
		if v.typed(path, "string", s) {
			v.text(path, value, s)
		}
	case json.Number:
		if v.typed(path, "integer", s) {
			v.number(path, value, s)
		}
	case bool:
		v.typed(path, "boolean", s)
	default:
		v.typed(path, "null", s)
	}
}

func (v *validator) typed(path, is string, s *schema) bool {
	if s.Type != "" && s.Type != is {
		v.fail(path, "is of type %s, must be %s", is, s.Type)
		return false
	}
	return true
}

func (v *validator) object(path string, value map[string]any, s *schema) {
	for _, name := range s.Required {
		if _, ok := value[name]; !ok {
			v.fail(path, "%q is missing", name)
		}
	}
	if len(value) < s.MinProperties {
		v.fail(path, "has %d entries, must have %d at least", len(value), s.MinProperties)
	}
	for _, name := range slices.Sorted(maps.Keys(value)) {
		below := path + "." + name
		switch p := s.Properties[name]; {
		case p != nil:
			v.check(below, value[name], p)
		case s.Additional == nil:
		case s.Additional.none:
			v.fail(path, "%q is not allowed", name)
		case s.Additional.schema != nil:
			v.check(below, value[name], s.Additional.schema)
		}
	}
}

func (v *validator) text(path, value string, s *schema) {
	if utf8.RuneCountInString(value) < s.MinLength {
		v.fail(path, "is %q, must have %d characters at least", value, s.MinLength)
	}
	if s.Pattern == "" {
		return
	}
	if ok, err := regexp.MatchString(s.Pattern, value); err != nil || !ok {
		v.fail(path, "is %q, must match %s", value, s.Pattern)
	}
}

func (v *validator) number(path string, value json.Number, s *schema) {
	n, err := value.Int64()
	switch {
	case err != nil:
		v.fail(path, "is %s, must be an integer", value)
	case s.Minimum != nil && n < *s.Minimum:
		v.fail(path, "is %d, must be %d at least", n, *s.Minimum)
	case s.Maximum != nil && n > *s.Maximum:
		v.fail(path, "is %d, must be %d at most", n, *s.Maximum)
	}
}

func shown(v any) string {
	text, _ := json.Marshal(v)
	return string(text)
}
