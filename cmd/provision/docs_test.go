package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"syslog-gateway/internal/testkit"
)

// The tests that docs/provision.md names beside what they replace are there.
func TestDocsNameTests(t *testing.T) {
	t.Parallel()
	_, section, _ := strings.Cut(string(testkit.Try(os.ReadFile("../../docs/provision.md"))(t)), "## From Terraform's tools")
	section, _, _ = strings.Cut(section, "\n## ")
	names := regexp.MustCompile("`([a-z0-9_/]+_test\\.go)`").FindAllStringSubmatch(section, -1)
	for _, m := range names {
		_, here := os.Stat(m[1])
		_, below := os.Stat(filepath.Join("../../internal/infra", m[1]))
		if here != nil && below != nil {
			t.Errorf("docs/provision.md names %s, which is neither here nor in internal/infra", m[1])
		}
	}
	if len(names) < 12 {
		t.Errorf("only %d tests are named", len(names))
	}
}
