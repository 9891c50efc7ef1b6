package pack_test

import (
	"fmt"
	"strings"
	"testing"

	"syslog-gateway/internal/pack"
)

// BenchmarkLoad loads 200 packs of the size of a large one.
func BenchmarkLoad(b *testing.B) {
	var files []pack.File
	for i := range 200 {
		text := strings.Replace(whole, "pack: acme_widget", fmt.Sprintf("pack: acme_%d", i), 1)
		files = append(files, pack.File{Name: "a.yaml", Data: []byte(strings.Replace(text, ", regex: '^a+$'", "", 1))})
	}
	b.ReportAllocs()
	for b.Loop() {
		packs, problems := pack.Load(files)
		if len(packs) != 200 {
			b.Fatal(problems)
		}
	}
}
