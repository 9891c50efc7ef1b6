package config

import (
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"syslog-gateway/internal/testkit"
)

var update = flag.Bool("update", false, "write docs/configuration.md again")

const referenceFile = "../../docs/configuration.md"

func TestReference(t *testing.T) {
	text := referenceText()
	if *update {
		if err := os.WriteFile(referenceFile, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(referenceFile)
	if err != nil {
		t.Fatal(err)
	}
	if string(have) != text {
		t.Errorf("%s is not what keys.go says; run: go test ./internal/config -run TestReference -update", referenceFile)
	}
	for _, k := range table() {
		if !strings.Contains(text, "\n| `"+strings.ReplaceAll(k.pattern, "*", "NAME")+"` |") {
			t.Errorf("%s is missing", k.pattern)
		}
	}
	for line := range strings.SplitSeq(text, "\n") {
		if isKey := strings.HasSuffix(line, " yes |") || strings.HasSuffix(line, " restart |"); isKey && strings.Count(strings.ReplaceAll(line, "\\|", ""), "|") != 5 {
			t.Errorf("a row of a table is broken: %s", line)
		}
	}
}

// TestReferenceExamples: each section has an example, which is a valid configuration by itself
// and sets something of that section to another value than its default.
func TestReferenceExamples(t *testing.T) {
	eachKey(func(section string, _ key) {
		if section == "" {
			return
		}
		file := filepath.Join(t.TempDir(), "gateway.yaml")
		testkit.Must(t, os.WriteFile(file, []byte(examples[section]), 0o600))
		c, err := Load(file, nil, nil)
		if err != nil {
			t.Errorf("%s: %v", section, err)
		}
		if !strings.HasPrefix(examples[section], section+":\n") && section != "Other keys" || reflect.DeepEqual(c, Default()) {
			t.Errorf("the example of %s is none: %q", section, examples[section])
		}
	})
	// The control: an example with a mistake.
	file := filepath.Join(t.TempDir(), "gateway.yaml")
	testkit.Must(t, os.WriteFile(file, []byte(strings.Replace(examples["queue"], "max_size", "maxsize", 1)), 0o600))
	if _, err := Load(file, nil, nil); err == nil {
		t.Error("control: a key that there is not is accepted")
	}
}
