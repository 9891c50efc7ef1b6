package packtest_test

import (
	"testing"
	_ "time/tzdata" // the zones of packs, on any machine

	"syslog-gateway/internal/pack/catalog"
	"syslog-gateway/internal/packtest"
)

// TestEmbedded runs the tests of all embedded packs.
func TestEmbedded(t *testing.T) {
	packs, err := catalog.Load()
	if err != nil {
		t.Fatal(err)
	}
	r, err := packtest.New(nil, packs)
	if err != nil {
		t.Fatal(err)
	}
	for i := range packs {
		for _, wrong := range r.Test(&packs[i]) {
			t.Error(wrong)
		}
	}
}
