package importer

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"syslog-gateway/internal/testkit"
)

// report is all that an import says, in one text.
func report(made *Imported) string {
	var b bytes.Buffer
	for _, name := range slices.Sorted(maps.Keys(made.Files)) {
		fmt.Fprintf(&b, "==> %s\n%s\n", name, made.Files[name])
	}
	fmt.Fprintf(&b, "==> %d sources, %d products, %d rules, %d settings left, token %t\n", made.Sources, made.Packs, made.Rules, made.Skipped, made.Token != "")
	for _, list := range []struct {
		what  string
		notes []Note
	}{{"to know", made.Hints}, {"cannot say", made.Unsaid}} {
		fmt.Fprintf(&b, "==> %s (%d)\n", list.what, len(list.notes))
		for _, n := range list.notes {
			fmt.Fprintln(&b, n)
		}
	}
	return b.String()
}

const secret = "00000000-1111-4222-8333-444444444444"

// TestExamples: each example configuration becomes what its file want says. UPDATE=1 writes
// the files anew.
func TestExamples(t *testing.T) {
	examples, err := filepath.Glob("testdata/*/*/in")
	if err != nil || len(examples) < 9 {
		t.Fatal(len(examples), err)
	}
	for _, in := range examples {
		product := filepath.Base(filepath.Dir(filepath.Dir(in)))
		t.Run(filepath.ToSlash(strings.TrimPrefix(filepath.Dir(in), "testdata/")), func(t *testing.T) {
			made, err := read(product, os.DirFS(in), "/opt/"+product, ".", usual)
			testkit.Must(t, err)
			got := report(made)
			testkit.Lacks(t, "the report", got, secret)
			want := filepath.Join(filepath.Dir(in), "want.txt")
			if os.Getenv("UPDATE") != "" {
				testkit.Must(t, os.WriteFile(want, []byte(got), 0o600))
			}
			testkit.Equal(t, "the import", got, string(testkit.Try(os.ReadFile(want))(t)))
		})
	}
}
