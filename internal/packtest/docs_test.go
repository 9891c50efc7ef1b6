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

var yamlBlock = regexp.MustCompile("(?s)```yaml\n(format: .*?)```")

// TestPacksInDocuments: the packs that the documents show load and do what their tests say.
func TestPacksInDocuments(t *testing.T) {
	documents, _ := filepath.Glob("../../docs/*.md") // a good pattern
	devices, _ := filepath.Glob("../../docs/devices/*.md")
	var files []pack.File
	for _, name := range append(documents, devices...) {
		text := testkit.Try(os.ReadFile(name))(t)
		for _, m := range yamlBlock.FindAllSubmatchIndex(text, -1) {
			// The lines before keep their numbers.
			lines := strings.Repeat("\n", strings.Count(string(text[:m[2]]), "\n"))
			files = append(files, pack.File{Name: name, Data: []byte(lines + string(text[m[2]:m[3]]))})
		}
	}
	if len(files) == 0 {
		t.Fatal("the documents show no pack")
	}
	site, problems := pack.Load(files)
	embedded := testkit.Try(catalog.Load())(t)
	conflicts, _ := pack.Conflicts(site, embedded)
	for _, p := range append(problems, conflicts...) {
		t.Error(p)
	}
	r := testkit.Try(packtest.New(site, embedded))(t)
	for i := range site {
		for _, p := range r.Test(&site[i]) {
			t.Error(p)
		}
	}
}
