package state

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"syslog-gateway/internal/testkit"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func open(t *testing.T) *Dir {
	t.Helper()
	return testkit.Try(Open(filepath.Join(t.TempDir(), "a", "state")))(t)
}

func write(t *testing.T, path, s string) {
	t.Helper()
	testkit.Must(t, os.WriteFile(path, []byte(s), 0o600))
}

func TestRecordIsKept(t *testing.T) {
	d := open(t)
	r, err := d.Load(t.Context())
	if err != nil || len(r.Objects) != 0 || r.Serial != 0 {
		t.Fatalf("of an empty folder: %+v, %v", r, err)
	}
	when := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	r.Deployment, r.Fingerprint = "/etc/deployment.json", "abc"
	r.Put(Object{Kind: "qemu", Key: "docker-host", VMID: 250, Node: "pve", Name: "docker", Applied: when, Inputs: map[string]string{"template": "9000"}})
	r.Put(Object{Kind: "lxc", Key: "ansible", VMID: 100, Applied: when})
	r.Put(Object{Kind: "lxc", Key: "haproxy", VMID: 175, Applied: when})
	r.Put(Object{Kind: "lxc", Key: "ansible", VMID: 101, Applied: when})
	for range 2 {
		testkit.Must(t, d.Save(t.Context(), r))
	}
	got, err := d.Load(t.Context())
	if err != nil || !reflect.DeepEqual(got, r) || got.Serial != 2 || got.Version != 1 || len(got.Objects) != 3 {
		t.Fatalf("got %+v, %v", got, err)
	}
	if o, ok := got.Find("lxc", "ansible"); !ok || o.VMID != 101 {
		t.Error(o, ok)
	}
	if o, ok := got.Guest(250); !ok || o.Key != "docker-host" {
		t.Error(o, ok)
	}
	got.Remove("lxc", "ansible")
	got.Remove("lxc", "nobody")
	if _, ok := got.Find("lxc", "ansible"); ok || len(got.Objects) != 2 {
		t.Error("not removed")
	}
	info, err := os.Stat(d.file(recordName))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Error(info, err)
	}
	if files, _ := os.ReadDir(d.path); len(files) != 1 {
		t.Errorf("left behind: %v", files)
	}
}

func TestABrokenRecordIsNotAnEmptyOne(t *testing.T) {
	for name, content := range map[string]string{
		"the file is empty": "",
		"not a JSON object": `{"version":1,"obj`,
		"not a JSON":        `[]`,
		"newer than 1":      `{"version":2,"objects":[]}`,
		"no version":        `{}`,
		"unknown field":     `{"version":1,"objets":[]}`,
		"twice":             `{"version":1,"objects":[{"kind":"lxc","key":"a","applied":"2026-01-01T00:00:00Z"},{"kind":"lxc","key":"a","applied":"2026-01-01T00:00:00Z"}]}`,
		"no kind or no key": `{"version":1,"objects":[{"kind":"lxc"}]}`,
		"invalid character": "{\"version\":1}\n}",
	} {
		d := open(t)
		write(t, d.file(recordName), content)
		testkit.Fails(t, testkit.Err(d.Load(t.Context())), name, recordName)
	}
}

func TestSaveThatFailsLeavesTheOldRecord(t *testing.T) {
	d := open(t)
	r, _ := d.Load(t.Context())
	r.Put(Object{Kind: "lxc", Key: "a"})
	testkit.Must(t, d.Save(t.Context(), r))
	before, _ := os.ReadFile(d.file(recordName))
	bad := &Record{Objects: []Object{{Kind: "lxc", Key: "a"}, {Kind: "lxc", Key: "a"}}}
	if err := d.Save(t.Context(), bad); err == nil {
		t.Error("saved a record that could not be loaded")
	}
	gone := &Dir{path: filepath.Join(d.path, "no", "folder")}
	serial := r.Serial
	if err := gone.Save(t.Context(), r); err == nil || r.Serial != serial {
		t.Errorf("%v, serial %d", err, r.Serial)
	}
	if after, _ := os.ReadFile(d.file(recordName)); string(after) != string(before) {
		t.Error("the record changed")
	}
}

func TestOpenRefusesAFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	write(t, path, "x")
	if _, err := Open(path); err == nil {
		t.Error("a file was taken for a folder")
	}
	if _, err := Open(""); err == nil {
		t.Error("no folder was taken for one")
	}
}

func FuzzRecord(f *testing.F) {
	f.Add([]byte(`{"version":1,"objects":[{"kind":"lxc","key":"a","vmid":1,"applied":"2026-01-01T00:00:00Z","inputs":{"a":"b"}}]}`))
	f.Add([]byte(`{"version":1}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := Decode(b)
		if err != nil {
			return
		}
		again, err := json.Marshal(r)
		if err != nil {
			return // a year that JSON has no form for
		}
		if _, err := Decode(again); err != nil {
			t.Errorf("%s: %v", again, err)
		}
	})
}
