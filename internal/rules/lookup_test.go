package rules_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"syslog-gateway/internal/dialect"
	"syslog-gateway/internal/pack"
	"syslog-gateway/internal/rules"
	"syslog-gateway/internal/splunk"
)

// compile compiles a pack of rules in a folder with a table t.csv.
func compile(t *testing.T, yaml, table string) error {
	t.Helper()
	dir := t.TempDir()
	if table != "" {
		if err := os.WriteFile(filepath.Join(dir, "t.csv"), []byte(table), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	packs, problems := pack.Load([]pack.File{{Name: filepath.Join(dir, "a.yaml"), Data: []byte("format: 1\npack: site\n" + yaml)}})
	if len(problems) != 0 {
		t.Fatal(problems)
	}
	_, err := rules.Compile(packs, rules.Options{Profile: "default", Classes: dialect.Classes(nil), Role: splunk.Role})
	return err
}

func TestBadTables(t *testing.T) {
	const lookup = "lookups: {t: {file: t.csv, key: KEY, columns: {a: field, i: index, z: timezone, s: sourcetype}}}\nrules: [{lookup: t, by: sender}]\n"
	for _, c := range []struct{ key, table, want string }{
		{"network", "", "no such file"},
		{"network", "net,a,i,z,s\n10.0.0.0/8,x,net,UTC,a:b\n192.0.2.7,,,,\n", ""},
		{"network", "net,a,i\n10.0.0.0/8,x,y\n", "t.csv:1: has no column"},
		{"network", "a,net,i,z,s\n", "t.csv:1: the column a is the first"},
		{"network", "net,a,i,z,s\n10.0.0.1/8,x,,,\n", "t.csv:2: \"10.0.0.1/8\" has host bits; the network is 10.0.0.0/8"},
		{"network", "net,a,i,z,s\nten,x,,,\n", "t.csv:2: \"ten\" is not a network"},
		{"network", "net,a,i,z,s\n10.0.0.0/8,x,,,\n\n10.0.0.0/8,y,,,\n", "t.csv:4: 10.0.0.0/8 is there twice"},
		{"network", "net,a,i,z,s\n10.0.0.0/8,x,,\n", "t.csv:2: has 4 columns, the header has 5"},
		{"network", "net,a,i,z,s\n10.0.0.0/8,x,A B,,\n", "t.csv:2: i: \"A B\" is not a Splunk index"},
		{"network", "net,a,i,z,s\n10.0.0.0/8,x,,Mars/Base,\n", "t.csv:2: z: \"Mars/Base\" is not a time zone"},
		{"network", "net,a,i,z,s\n10.0.0.0/8,x,,,a b\n", "t.csv:2: s: \"a b\" is not a sourcetype"},
		{"network", "net,a,i,z,s\n10.0.0.0/8,\"x,,,\n", "t.csv:2: extraneous or missing"},
		{"value", "net,a,i,z,s\nx,1,,,\nx,2,,,\n", "t.csv:3: \"x\" is there twice"},
		{"host", "net,a,i,z,s\nA,1,,,\na,2,,,\n", "t.csv:3: \"a\" is there twice"},
		{"value", "net,a,i,z,s\n,1,,,\n", "t.csv:2: the first column is empty"},
		{"value", "net,a,i,z,s\nx,\x01,,,\n", "t.csv:2: a: "},
		{"value", "", "no such file"},
		{"value", "# nothing\n", "has no header"},
	} {
		text := strings.Replace(lookup, "KEY", c.key, 1)
		err := compile(t, text, c.table)
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%s: %v", c.table, err)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%q: %v, want %s", c.table, err, c.want)
		}
	}
	many := "net,a,i,z,s\n" + strings.Repeat("ten,x,,,\n", 30)
	if err := compile(t, strings.Replace(lookup, "KEY", "network", 1), many); err == nil || strings.Count(err.Error(), "\n") != 20 || !strings.Contains(err.Error(), "more wrong rows") {
		t.Errorf("%v", err)
	}
}

func TestWhatCannotBeCompiled(t *testing.T) {
	for _, c := range []struct{ rule, want string }{
		{"{index: a, when: {class: cisco_asaa}}", "did you mean cisco_asa"},
		{"{index: a, when: {not: {any: [{class: nothing}, {facility: local7}]}}}", "a.yaml:3: class:"},
		{"{name: a, mask: {key: a, with: hash}}", "needs a secret"},
	} {
		if err := compile(t, "rules: ["+c.rule+"]\n", ""); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", c.rule, err, c.want)
		}
	}
	var fields strings.Builder
	for i := range 33 {
		fields.WriteString("f" + strings.Repeat("x", i) + ": a, ")
	}
	if err := compile(t, "rules: [{fields: {"+fields.String()+"}}]\n", ""); err == nil || !strings.Contains(err.Error(), "33 different fields") {
		t.Errorf("%v", err)
	}
}
