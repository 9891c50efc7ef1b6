package catalog_test

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"syslog-gateway/internal/pack/catalog"
	"syslog-gateway/internal/testkit"
)

const rulesFile = "../../../docs/rules.md"

var readyRow = regexp.MustCompile("(?m)^\\| `([a-z0-9_.]+)` \\| .* \\| ([^|]*) \\|$")

// TestReadyRulesInDocument compares the table of ready rules in docs/rules.md with the embedded
// packs. UPDATE=1 writes it. What the rules save stays as it is: make rules-savings measures it.
func TestReadyRulesInDocument(t *testing.T) {
	const begin, end = "<!-- ready rules -->\n", "<!-- end -->\n"
	text := string(testkit.Try(os.ReadFile(rulesFile))(t))
	before, rest, found := strings.Cut(text, begin)
	table, after, ends := strings.Cut(rest, end)
	if !found || !ends {
		t.Fatalf("%s has no place for the ready rules", rulesFile)
	}
	saved := make(map[string]string)
	for _, m := range readyRow.FindAllStringSubmatch(table, -1) {
		saved[m[1]] = m[2]
	}
	var b strings.Builder
	b.WriteString("| rule | what it is for, what a search loses | saved |\n|---|---|---|\n")
	packs := testkit.Try(catalog.Load())(t)
	for i := range packs {
		for _, r := range packs[i].Rules {
			name := packs[i].Name + "." + r.Name
			if saved[name] == "" {
				saved[name] = "?"
			}
			fmt.Fprintf(&b, "| `%s` | %s | %s |\n", name, r.About, saved[name])
		}
	}
	want := before + begin + b.String() + end + after
	if os.Getenv("UPDATE") != "" {
		testkit.Must(t, os.WriteFile(rulesFile, []byte(want), 0o644))
	} else if text != want {
		t.Errorf("%s differs from the packs; UPDATE=1 go test ./internal/pack/catalog writes it", rulesFile)
	}
	if strings.Contains(want, "| ? |") {
		t.Errorf("%s does not say what each rule saves", rulesFile)
	}
}
