package inventory

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"syslog-gateway/internal/infra/declaration"
	"syslog-gateway/internal/testkit"
)

// published is an estate's document with its sidecar.
func published(t *testing.T, e *declaration.Estate) ([]byte, Meta) {
	t.Helper()
	text := document(t, e)
	meta := testkit.Try(NewMeta(e, text, "provision test"))(t)
	return text, meta
}

func sync(t *testing.T, e *declaration.Estate, targets ...string) []Result {
	t.Helper()
	text, meta := published(t, e)
	return testkit.Try(Sync(targets, text, meta))(t)
}

func read(t *testing.T, path string) string {
	t.Helper()
	return string(testkit.Try(os.ReadFile(path))(t))
}

// listing are the names in a folder.
func listing(t *testing.T, dir string) string {
	t.Helper()
	entries := testkit.Try(os.ReadDir(dir))(t)
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return strings.Join(names, " ")
}

const fileName = "terraform_inventory.json"

func TestSyncWritesDocumentAndSidecar(t *testing.T) {
	dir, e := t.TempDir(), small()
	target, second := filepath.Join(dir, "inv.json"), filepath.Join(dir, fileName)
	r := sync(t, e, target, second, dir+"/./inv.json")
	if len(r) != 2 || !r[0].Created || !r[1].Created || r[1].Target != second {
		t.Fatalf("results %+v", r)
	}
	testkit.Equal(t, "folder", listing(t, dir), "inv.json inv.meta.json terraform_inventory.json terraform_inventory.meta.json")
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
	target, e := filepath.Join(t.TempDir(), fileName), small()
	sync(t, e, target)
	testkit.Must(t, os.Chmod(target, 0o664))
	before := testkit.Try(os.Stat(target))(t)
	if r := sync(t, e, target); len(r[0].Changes) != 0 || r[0].Created {
		t.Errorf("the same again: %+v", r)
	}
	after, err := os.Stat(target)
	if err != nil || !os.SameFile(before, after) {
		t.Errorf("a file that did not change was written again: %v", err)
	}
	e.Containers[0].Node = "pve2"
	e.Containers[1].Key = "gw"
	var got []string
	for _, c := range sync(t, e, target)[0].Changes {
		got = append(got, c.String()[:min(40, len(c.String()))])
	}
	want := `+ containers.gw {"ansible_connection":"c|~ containers.minio.node "pve" -> "pve2"|- containers.syslog-gateway-01 {"ansible`
	if strings.Join(got, "|") != want {
		t.Errorf("diff %q\nwant %q", strings.Join(got, "|"), want)
	}
	if after, err := os.Stat(target); err != nil || after.Mode().Perm() != 0o664 {
		t.Errorf("mode %v, %v", after.Mode(), err)
	}
}

func TestSyncSkipsMissingFolderVisibly(t *testing.T) {
	dir := t.TempDir()
	r := sync(t, small(), filepath.Join(dir, "not-cloned", fileName), filepath.Join(dir, fileName))
	if !strings.Contains(r[0].Skipped, "not-cloned") || r[1].Skipped != "" {
		t.Errorf("results %+v", r)
	}
	testkit.Lacks(t, "the folder", listing(t, dir), "not-cloned")
}

// What cannot be written is found before anything is, the sidecar's place included.
func TestSyncPublishesNothingWhenAPlaceIsTaken(t *testing.T) {
	for _, taken := range []string{fileName, "terraform_inventory.meta.json"} {
		good, bad := filepath.Join(t.TempDir(), fileName), t.TempDir()
		testkit.Must(t, os.WriteFile(good, []byte("{}\n"), 0o600))
		testkit.Must(t, os.MkdirAll(filepath.Join(bad, taken, "x"), 0o755)) // a folder stands in the way
		text, meta := published(t, small())
		testkit.Fails(t, testkit.Err(Sync([]string{good, filepath.Join(bad, fileName)}, text, meta)), taken)
		if read(t, good) != "{}\n" || listing(t, filepath.Dir(good)) != fileName || listing(t, bad) != taken {
			t.Errorf("%s: published in part: %s, %s", taken, listing(t, filepath.Dir(good)), listing(t, bad))
		}
		testkit.Fails(t, testkit.Err(Sync([]string{good}, []byte(`{"containers":{}}`), meta)), "schema")
		if read(t, good) != "{}\n" {
			t.Error("what breaks the schema was published")
		}
	}
}

// Whichever rename fails, everything is as it was, with its bytes and modes.
func TestSyncPutsBackWhatWasThere(t *testing.T) {
	text, meta := published(t, small())
	for n := range 4 {
		a, b := t.TempDir(), t.TempDir()
		targets := []string{filepath.Join(a, fileName), filepath.Join(b, fileName)}
		testkit.Must(t, os.WriteFile(targets[0], []byte("old\n"), 0o640))
		renames := 0
		_, err := publish(targets, text, meta, func(from, to string) error {
			if renames++; renames > n {
				return os.ErrPermission
			}
			return os.Rename(from, to)
		})
		if !errors.Is(err, os.ErrPermission) || !strings.Contains(err.Error(), "nothing is published") {
			t.Errorf("rename %d: %v", n, err)
		}
		st := testkit.Try(os.Stat(targets[0]))(t)
		if read(t, targets[0]) != "old\n" || st.Mode().Perm() != 0o640 || listing(t, a) != fileName || listing(t, b) != "" {
			t.Errorf("rename %d: %s %v, %s, %s", n, read(t, targets[0]), st.Mode(), listing(t, a), listing(t, b))
		}
	}
}

func TestSyncGoesThroughLinksAndDamage(t *testing.T) {
	dir := t.TempDir()
	file, link := filepath.Join(dir, "real.json"), filepath.Join(dir, "link.json")
	testkit.Must(t, os.WriteFile(file, []byte(`{"containers":`), 0o644))
	testkit.Must(t, os.Symlink("real.json", link))
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
