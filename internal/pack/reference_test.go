package pack_test

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"syslog-gateway/internal/pack"
	"syslog-gateway/internal/testkit"
)

// references are the documents with tables of keys.
var references = []string{"../../docs/packs.md", "../../docs/rules.md"}

// TestReference compares the tables in the documents with those of the loader. UPDATE=1
// writes them.
func TestReference(t *testing.T) {
	tables := referenceTables()
	for _, file := range references {
		text := testkit.Try(os.ReadFile(file))(t)
		want := string(text)
		for name, table := range tables {
			begin, end := "<!-- table: "+name+" -->\n", "<!-- end -->\n"
			before, rest, found := strings.Cut(want, begin)
			if !found {
				continue
			}
			_, after, ends := strings.Cut(rest, end)
			if !ends {
				t.Fatalf("%s: the table %q has no end", file, name)
			}
			want = before + begin + table + end + after
			delete(tables, name)
		}
		if os.Getenv("UPDATE") != "" {
			testkit.Must(t, os.WriteFile(file, []byte(want), 0o644))
		} else if string(text) != want {
			t.Errorf("%s differs from the loader; UPDATE=1 go test ./internal/pack writes it", file)
		}
	}
	for name := range tables {
		t.Errorf("no document has a place for the table %q", name)
	}
}

// TestReferencePlaces: the documents have no place for a table that there is not, and one for
// each that there is. A second one would not be compared.
func TestReferencePlaces(t *testing.T) {
	tables := referenceTables()
	seen := make(map[string]string)
	for _, file := range references {
		for _, m := range place.FindAllSubmatch(testkit.Try(os.ReadFile(file))(t), -1) {
			if _, ok := tables[string(m[1])]; !ok {
				t.Errorf("%s has a place for the table %q, which there is not", file, m[1])
			}
			if first := seen[string(m[1])]; first != "" {
				t.Errorf("%s has a place for the table %q, and so has %s", file, m[1], first)
			}
			seen[string(m[1])] = file
		}
	}
}

var place = regexp.MustCompile(`<!-- table: (.*?) -->`)

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
