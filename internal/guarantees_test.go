package internal_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	// named is a test's name in the documents, or the package of the names before it.
	named  = regexp.MustCompile("`((?:Test|Fuzz)[A-Z]\\w*)|\\(((?:internal|cmd|bench|deploy)[a-z0-9/-]*)[);:,]")
	isTest = regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`)
)

// TestGuaranteesNameTests: every test that docs/guarantees.md names is in the package that
// it says.
func TestGuaranteesNameTests(t *testing.T) {
	text, err := os.ReadFile("../docs/guarantees.md")
	if err != nil {
		t.Fatal(err)
	}
	anywhere := tests(t, "internal/*")
	checked := 0
	for _, line := range strings.Split(string(text), "\n") {
		var waiting []string
		for _, m := range named.FindAllStringSubmatch(line, -1) {
			if m[1] != "" {
				waiting = append(waiting, m[1])
				continue
			}
			have := tests(t, m[2])
			for _, name := range waiting {
				if checked++; !have[name] {
					t.Errorf("docs/guarantees.md names %s of %s, which has no such test", name, m[2])
				}
			}
			waiting = nil
		}
		for _, name := range waiting { // prose names the test alone
			if checked++; !anywhere[name] {
				t.Errorf("docs/guarantees.md names %s, which is a test of no package", name)
			}
		}
	}
	if checked < 100 {
		t.Errorf("only %d names are checked", checked)
	}
}

// tests are the names of a package's tests.
func tests(t *testing.T, folder string) map[string]bool {
	t.Helper()
	files, _ := filepath.Glob(filepath.Join("..", folder, "*_test.go")) // a good pattern
	all := make(map[string]bool)
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range isTest.FindAllSubmatch(text, -1) {
			all[string(m[1])] = true
		}
	}
	return all
}
