package packtest_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"syslog-gateway/internal/pack"
	"syslog-gateway/internal/pack/catalog"
	"syslog-gateway/internal/packtest"
	"syslog-gateway/internal/testkit"
)

var (
	yamlBlock = regexp.MustCompile("(?s)```yaml\n(format: .*?)```")
	csvBlock  = regexp.MustCompile("(?s)```csv\n# ([a-z]+\\.csv)\n.*?```")
)

// TestPacksInDocuments: the packs that the documents show load and do what their tests say.
func TestPacksInDocuments(t *testing.T) {
	documents, _ := filepath.Glob("../../docs/*.md") // a good pattern
	devices, _ := filepath.Glob("../../docs/devices/*.md")
	var files []pack.File
	for _, name := range append(documents, devices...) {
		if filepath.Base(name) != "rules.md" { // TestRulesInDocuments
			files = append(files, packsIn(t, name, name)...)
		}
	}
	if len(files) == 0 {
		t.Fatal("the documents show no pack")
	}
	runDocuments(t, testkit.Try(catalog.Load())(t), files)
}

// TestRulesInDocuments: each pack of docs/rules.md does what its tests say, without the others,
// which have rules for the same messages.
func TestRulesInDocuments(t *testing.T) {
	const name = "../../docs/rules.md"
	folder := t.TempDir()
	for _, m := range csvBlock.FindAllSubmatch(testkit.Try(os.ReadFile(name))(t), -1) {
		text := strings.TrimSuffix(strings.TrimPrefix(string(m[0]), "```csv\n"), "```")
		testkit.Must(t, os.WriteFile(filepath.Join(folder, string(m[1])), []byte(text), 0o600))
	}
	files := packsIn(t, name, filepath.Join(folder, "rules.md"))
	if len(files) < 10 {
		t.Fatalf("the document shows %d packs", len(files))
	}
	embedded := testkit.Try(catalog.Load())(t)
	for i := range files {
		runDocuments(t, embedded, files[i:i+1])
	}
}

// packsIn returns the packs of a document, each as a file of a name. The lines before keep
// their numbers.
func packsIn(t *testing.T, document, name string) (files []pack.File) {
	t.Helper()
	text := testkit.Try(os.ReadFile(document))(t)
	for _, m := range yamlBlock.FindAllSubmatchIndex(text, -1) {
		lines := strings.Repeat("\n", strings.Count(string(text[:m[2]]), "\n"))
		files = append(files, pack.File{Name: name, Data: []byte(lines + string(text[m[2]:m[3]]))})
	}
	return files
}

// runDocuments runs the tests of packs that are a site's.
func runDocuments(t *testing.T, embedded []pack.Pack, files []pack.File) {
	t.Helper()
	site, problems := pack.Load(files)
	conflicts, _ := pack.Conflicts(site, embedded)
	for _, p := range append(problems, conflicts...) {
		t.Error(p)
	}
	r, err := packtest.New(site, embedded)
	if err != nil {
		t.Error(err)
		return
	}
	for i := range site {
		for _, p := range r.Test(&site[i]) {
			t.Error(p)
		}
		if p := &site[i]; len(p.Rules) != 0 && len(p.Tests) == 0 {
			t.Errorf("%s: %s has no tests", p.Pos, p.Name)
		}
	}
}
