package inventory

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"syslog-gateway/internal/infra/spec"
)

// published is an estate's document with its sidecar.
func published(t *testing.T, e *spec.Estate) ([]byte, Meta) {
	t.Helper()
	text := document(t, e)
	meta, err := NewMeta(e, text, "provision test")
	if err != nil {
		t.Fatal(err)
	}
	return text, meta
}

func sync(t *testing.T, e *spec.Estate, targets ...string) []Result {
	t.Helper()
	text, meta := published(t, e)
	results, err := Sync(targets, text, meta)
	if err != nil {
		t.Fatal(err)
	}
	return results
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// listing are the names in a folder.
func listing(t *testing.T, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return strings.Join(names, " ")
}

func TestSyncWritesDocumentAndSidecar(t *testing.T) {
	dir, e := t.TempDir(), small()
	target := filepath.Join(dir, "inv.json")
	r := sync(t, e, target, dir)
	if len(r) != 2 || !r[0].Created || !r[1].Created || r[1].Target != filepath.Join(dir, FileName) {
		t.Fatalf("results %+v", r)
	}
	if got := listing(t, dir); got != "inv.json inv.meta.json terraform_inventory.json terraform_inventory.meta.json" {
		t.Errorf("folder: %s", got)
	}
	text, meta := published(t, e)
	if read(t, target) != string(text) {
		t.Error("the file is not the document")
	}
	var got Meta
	if err := json.Unmarshal([]byte(read(t, filepath.Join(dir, "inv.meta.json"))), &got); err != nil || got != meta {
		t.Errorf("sidecar %+v, want %+v, %v", got, meta, err)
	}
}

func TestSyncShowsWhatChanges(t *testing.T) {
	dir, e := t.TempDir(), small()
	sync(t, e, dir)
	before, err := os.Stat(filepath.Join(dir, FileName))
	if err != nil {
		t.Fatal(err)
	}
	if r := sync(t, e, dir); len(r[0].Changes) != 0 || r[0].Created {
		t.Errorf("the same again: %+v", r)
	}
	after, err := os.Stat(filepath.Join(dir, FileName))
	if err != nil || !os.SameFile(before, after) {
		t.Errorf("a file that did not change was written again: %v", err)
	}
	e.Containers[0].Node = "pve2"
	e.Containers[1].Key = "gw"
	var got []string
	for _, c := range sync(t, e, dir)[0].Changes {
		got = append(got, c.String()[:min(40, len(c.String()))])
	}
	want := `+ containers.gw {"ansible_connection":"c|~ containers.minio.node "pve" -> "pve2"|- containers.syslog-gateway-01 {"ansible`
	if strings.Join(got, "|") != want {
		t.Errorf("diff %q\nwant %q", strings.Join(got, "|"), want)
	}
}

func TestSyncSkipsMissingFolderVisibly(t *testing.T) {
	dir := t.TempDir()
	r := sync(t, small(), filepath.Join(dir, "not-cloned", "inventory")+"/", dir)
	if !strings.Contains(r[0].Skipped, "not-cloned") || r[1].Skipped != "" {
		t.Errorf("results %+v", r)
	}
	if got := listing(t, dir); strings.Contains(got, "not-cloned") {
		t.Errorf("a folder was made: %s", got)
	}
}

func TestSyncPublishesAllOrNothing(t *testing.T) {
	good, bad := t.TempDir(), t.TempDir()
	if err := os.MkdirAll(filepath.Join(bad, FileName, "x"), 0o755); err != nil { // a folder stands in the way
		t.Fatal(err)
	}
	text, meta := published(t, small())
	if _, err := Sync([]string{good, bad + "/"}, text, meta); err == nil {
		t.Error("a folder is overwritten")
	}
	if got := listing(t, good); got != "" {
		t.Errorf("one target was published, the other not: %s", got)
	}
	if _, err := Sync([]string{good}, []byte(`{"containers":{}}`), meta); err == nil || !strings.Contains(err.Error(), "schema") {
		t.Errorf("error %v", err)
	}
	if got := listing(t, good); got != "" {
		t.Errorf("what breaks the schema was published: %s", got)
	}
}

func TestSyncGoesThroughLinksAndDamage(t *testing.T) {
	dir := t.TempDir()
	file, link := filepath.Join(dir, "real.json"), filepath.Join(dir, "link.json")
	if err := os.WriteFile(file, []byte(`{"containers":`), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("real.json", link); err != nil {
		t.Fatal(err)
	}
	r := sync(t, small(), link)
	if !r[0].Damaged || r[0].Target != file {
		t.Errorf("result %+v", r[0])
	}
	if st, err := os.Lstat(link); err != nil || st.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the link was replaced: %v", err)
	}
	if text, _ := published(t, small()); read(t, file) != string(text) {
		t.Error("the damaged file was not replaced")
	}
}
