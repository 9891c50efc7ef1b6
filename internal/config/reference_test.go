package config

import (
	"flag"
	"os"
	"strings"
	"testing"
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
		if !strings.Contains(text, "`"+strings.ReplaceAll(k.pattern, "*", "NAME")+"`") || !strings.Contains(text, envName(k.pattern)) {
			t.Errorf("%s is missing", k.pattern)
		}
	}
	for line := range strings.SplitSeq(text, "\n") {
		if strings.HasPrefix(line, "| `") && strings.Contains(line, "GATEWAY_") && strings.Count(strings.ReplaceAll(line, "\\|", ""), "|") != 7 {
			t.Errorf("a row of a table is broken: %s", line)
		}
	}
}
