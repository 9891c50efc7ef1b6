package pack_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"syslog-gateway/internal/pack"
	"syslog-gateway/internal/testkit"
)

const referenceFile = "../../docs/packs.md"

// TestReference compares the tables in docs/packs.md with those of the loader. UPDATE=1
// writes them.
func TestReference(t *testing.T) {
	text := testkit.Try(os.ReadFile(referenceFile))(t)
	want := string(text)
	for name, table := range referenceTables() {
		begin, end := "<!-- table: "+name+" -->\n", "<!-- end -->\n"
		before, rest, found := strings.Cut(want, begin)
		_, after, ends := strings.Cut(rest, end)
		if !found || !ends {
			t.Fatalf("%s has no place for the table %q", referenceFile, name)
		}
		want = before + begin + table + end + after
	}
	if strings.Count(want, "<!-- table: ") != len(referenceTables()) {
		t.Errorf("%s has a place for a table that there is not", referenceFile)
	}
	if os.Getenv("UPDATE") != "" {
		testkit.Must(t, os.WriteFile(referenceFile, []byte(want), 0o644))
	} else if string(text) != want {
		t.Errorf("%s differs from the loader; UPDATE=1 go test ./internal/pack writes it", referenceFile)
	}
}

// referenceTables are the tables of the document by their names.
func referenceTables() map[string]string {
	tables := make(map[string]string)
	for _, s := range pack.Reference() {
		var b strings.Builder
		b.WriteString("| key | meaning |\n|---|---|\n")
		for _, k := range s.Keys {
			fmt.Fprintf(&b, "| `%s` | %s |\n", k.Name, strings.ReplaceAll(k.About, "|", `\|`))
		}
		tables[s.Name] = b.String()
	}
	var words, bounds strings.Builder
	words.WriteString("| key | words |\n|---|---|\n")
	for _, v := range pack.Vocabularies() {
		fmt.Fprintf(&words, "| `%s` | `%s` |\n", v.Key, strings.Join(v.Words, "`, `"))
	}
	bounds.WriteString("| limit | at most |\n|---|---|\n")
	for _, l := range pack.Bounds() {
		fmt.Fprintf(&bounds, "| %s | %d |\n", l.What, l.Most)
	}
	tables["words"], tables["limits"] = words.String(), bounds.String()
	return tables
}
