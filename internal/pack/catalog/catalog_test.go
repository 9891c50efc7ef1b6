package catalog_test

import (
	"testing"
	_ "time/tzdata" // the zones of packs, on any machine

	"syslog-gateway/internal/pack"
	"syslog-gateway/internal/pack/catalog"
)

// TestLoad: the embedded packs load.
func TestLoad(t *testing.T) {
	files, err := catalog.Files()
	if err != nil {
		t.Fatal(err)
	}
	_, problems := pack.Load(files)
	for _, p := range problems {
		t.Error(p)
	}
	packs, err := catalog.Load()
	if len(problems) == 0 && (err != nil || len(packs) == 0 || !packs[0].Embedded) {
		t.Fatalf("%d packs, %v", len(packs), err)
	}
}

// TestPacksAreComplete: every embedded pack says what it is, where its lines are
// documented, and has lines that it takes and lines that it must not take.
func TestPacksAreComplete(t *testing.T) {
	packs, err := catalog.Load()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range packs {
		own, foreign := 0, 0
		for _, test := range p.Tests {
			if test.Not || test.Pack != "" && test.Pack != p.Name {
				foreign++
			} else {
				own++
			}
		}
		row := len(p.Tests) > 1 && p.Tests[len(p.Tests)-1].Not
		if p.About == "" || p.Documented == "" || len(p.Replaces) != 0 {
			t.Errorf("%s: %s: about and documented must be there, replaces must not", p.Pos, p.Name)
		}
		if p.RulesOnly() { // TestReadyRules of package packtest looks at their lines
			continue
		}
		if foreign == 0 || own < 2 && !row || own == 0 {
			t.Errorf("%s: %s has %d lines that it takes and %d that it must not take", p.Pos, p.Name, own, foreign)
		}
	}
}

// TestConflicts: no two embedded packs want the same messages.
func TestConflicts(t *testing.T) {
	packs, err := catalog.Load()
	if err != nil {
		t.Fatal(err)
	}
	conflicts, _ := pack.Conflicts(packs, nil)
	for _, p := range conflicts {
		t.Error(p)
	}
}
