package config

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/cpuguy83/go-md2man/v2/md2man"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"

	"syslog-gateway/internal/testkit"
)

func compiledSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	doc := testkit.Try(jsonschema.UnmarshalJSON(bytes.NewReader(testkit.Try(Schema())(t))))(t)
	c := jsonschema.NewCompiler()
	testkit.Must(t, c.AddResource("gateway.json", doc))
	return testkit.Try(c.Compile("gateway.json"))(t)
}

func validate(s *jsonschema.Schema, text []byte) error {
	var v any
	if err := yaml.Unmarshal(text, &v); err != nil {
		return err
	}
	if v == nil {
		v = map[string]any{} // an empty file
	}
	return s.Validate(v)
}

var yamlBlock = regexp.MustCompile("(?s)```yaml\n(.*?)```")

// TestSchemaTakesTheExamples: the configurations of deploy and of the documents are valid, and
// so is the default with all keys.
func TestSchemaTakesTheExamples(t *testing.T) {
	schema := compiledSchema(t)
	found := 0
	f := func(name string, text []byte) {
		t.Helper()
		found++
		if err := validate(schema, text); err != nil {
			t.Errorf("%s: %v\n%s", name, err, text)
		}
	}
	for _, file := range gatewayFiles(t) {
		f(file, testkit.Try(os.ReadFile(file))(t))
	}
	docs := testkit.Try(filepath.Glob("../../docs/*.md"))(t)
	docs = append(docs, testkit.Try(filepath.Glob("../../docs/devices/*.md"))(t)...)
	for _, file := range append(docs, "../../README.md") {
		for _, m := range yamlBlock.FindAllSubmatch(testkit.Try(os.ReadFile(file))(t), -1) {
			var top map[string]yaml.Node
			if yaml.Unmarshal(m[1], &top) != nil {
				continue
			}
			own := false // else a pack, an alert, a file of Docker
			for name := range top {
				own = own || resolve([]string{name}) != nil
			}
			if own && top["format"].Kind == 0 && top["services"].Kind == 0 {
				f(file, m[1])
			}
		}
	}
	if found < 20 {
		t.Errorf("only %d are checked", found)
	}
	c := Default()
	f("default", testkit.Try(c.YAML())(t))
	f("empty", nil)
}

// TestSchemaRefuses: what the schema can see is refused, as the gateway does.
func TestSchemaRefuses(t *testing.T) {
	schema := compiledSchema(t)
	for _, text := range []string{
		"hecc: {}\n", "hec:\n", "hec: {endpoint: x}\n", "hec: {endpoints: []}\n", "hec: {endpoints: [1]}\n", "hec: {timeout: 5}\n",
		"hec: {timeout: 5 sec}\n", `hec: {timeout: "0"}`, "hec: {in_flight: 65}\n", "hec: {in_flight: 1.5}\n", "queue: {max_size: 1.5GB}\n",
		"queue: {max_size: 100gb}\n", "queue: {max_size: -1}\n", "queue: {when_full: blok}\n", "log: {level: loud}\n", "hec: {ack: {enabled: 1}}\n",
		"sources: {}\n", "sources: {a: {vendor: auto}}\n", "sources: {A: {port: 1}}\n", "sources: {a: {port: 99999}}\n", "sources: {a: {port: 1, protocols: [http]}}\n",
		"sources: {a: {port: 1, protocols: [udp, udp]}}\n", "sources: {a: {port: 1, tls: {min_version: 1.1}}}\n", "sources: {a: {port: 1, fields: {a: 1}}}\n",
		"sources: {a: {port: 1, tls: {certificates: [{cert_file: a}]}}}\n", "metadata: {sample: {a: b}}\n", "metadata: {overrides: {a: {indx: b}}}\n",
	} {
		if validate(schema, []byte(text)) == nil {
			t.Errorf("the schema takes %q", text)
		}
		if _, err := loadText(t, text); err == nil {
			t.Errorf("the gateway takes %q", text)
		}
	}
}

// TestSchemaSaysWhatTheReferenceSays: every key has its meaning, its default and what is allowed.
func TestSchemaSaysWhatTheReferenceSays(t *testing.T) {
	text := string(testkit.Try(Schema())(t))
	testkit.Equal(t, "descriptions", strings.Count(text, `"description"`), len(table()))
	testkit.Holds(t, "schema", text, `"default": "100GB"`, `"default": "1m"`, `"Lowest level that is logged.\nAllowed: debug, info, warn, error"`)
	testkit.Lacks(t, "schema", text, "](")
}

// TestManual: the page has every key with its default, and roff takes it.
func TestManual(t *testing.T) {
	page := string(md2man.Render(Manual()))
	for _, k := range table() {
		testkit.Holds(t, "page", page, strings.ReplaceAll(k.pattern, "*", "NAME"))
	}
	testkit.Holds(t, "page", page, `.TH "GATEWAY.YAML" "5"`, "Default: 100GB; a change needs a restart.", ".SH HEC")
	testkit.Lacks(t, "page", page, "](")
}
