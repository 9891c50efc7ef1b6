package disk

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"syslog-gateway/internal/durable"
	"syslog-gateway/internal/testkit"
)

// mounted mounts a disk, or skips.
func mounted(t *testing.T, d *Disk) (dir string, unmount func()) {
	t.Helper()
	if err := Usable(); err != nil {
		t.Skip(err)
	}
	dir = t.TempDir()
	m := testkit.Try(d.Mount(dir))(t)
	open := true
	unmount = func() {
		if open {
			open = false
			testkit.Must(t, m.Close())
		}
	}
	t.Cleanup(unmount)
	return dir, unmount
}

// Each row is what a program does, and what is there after a cut that keeps nothing that
// need not be kept, and one that keeps everything.
func TestProgramsAndCuts(t *testing.T) {
	write := func(dir, name, text string, flags int, sync bool) {
		f := testkit.Try(os.OpenFile(filepath.Join(dir, name), os.O_WRONLY|os.O_CREATE|flags, 0o600))(t)
		testkit.Try(f.WriteString(text))(t)
		if sync {
			testkit.Must(t, f.Sync())
		}
		testkit.Must(t, f.Close())
	}
	rows := []struct {
		name   string
		does   func(dir string)
		least  map[Model]string // what a holds at least; "-": no file
		atMost string
	}{
		{"written", func(dir string) { write(dir, "a", "new", 0, false) },
			map[Model]string{Journal: "-", Strict: "-"}, "new"},
		{"synced", func(dir string) { write(dir, "a", "new", 0, true) },
			map[Model]string{Journal: "new", Strict: "-"}, "new"},
		{"synced with its folder", func(dir string) { write(dir, "a", "new", 0, true); testkit.Must(t, durable.SyncDir(dir)) },
			map[Model]string{Journal: "new", Strict: "new"}, "new"},
		{"replaced, folder not synced", func(dir string) {
			testkit.Must(t, durable.WriteFile(filepath.Join(dir, "a"), []byte("old"), 0o600))
			write(dir, "b", "newer", 0, true)
			testkit.Must(t, os.Rename(filepath.Join(dir, "b"), filepath.Join(dir, "a")))
		}, map[Model]string{Journal: "old", Strict: "old"}, "newer"},
		{"replaced, another file synced", func(dir string) {
			testkit.Must(t, durable.WriteFile(filepath.Join(dir, "a"), []byte("old"), 0o600))
			write(dir, "b", "newer", 0, true)
			testkit.Must(t, os.Rename(filepath.Join(dir, "b"), filepath.Join(dir, "a")))
			write(dir, "c", "", 0, true)
		}, map[Model]string{Journal: "newer", Strict: "old"}, "newer"},
		{"replaced durably", func(dir string) {
			testkit.Must(t, durable.WriteFile(filepath.Join(dir, "a"), []byte("old"), 0o600))
			testkit.Must(t, durable.WriteFile(filepath.Join(dir, "a"), []byte("newer"), 0o600))
		}, map[Model]string{Journal: "newer", Strict: "newer"}, "newer"},
		{"truncated, written, not synced", func(dir string) {
			testkit.Must(t, durable.WriteFile(filepath.Join(dir, "a"), []byte("old"), 0o600))
			write(dir, "a", "new", os.O_TRUNC, false)
		}, map[Model]string{Journal: "old", Strict: "old"}, "new"},
		{"removed", func(dir string) {
			testkit.Must(t, durable.WriteFile(filepath.Join(dir, "a"), []byte("old"), 0o600))
			testkit.Must(t, os.Remove(filepath.Join(dir, "a")))
		}, map[Model]string{Journal: "old", Strict: "old"}, "-"},
		{"moved to a folder that is synced", func(dir string) {
			testkit.Must(t, os.Mkdir(filepath.Join(dir, "sub"), 0o700))
			testkit.Must(t, durable.WriteFile(filepath.Join(dir, "sub", "b"), []byte("new"), 0o600))
			testkit.Must(t, os.Rename(filepath.Join(dir, "sub", "b"), filepath.Join(dir, "a")))
			testkit.Must(t, durable.SyncDir(dir))
		}, map[Model]string{Journal: "new", Strict: "new"}, "new"},
	}
	for _, row := range rows {
		for model, least := range row.least {
			t.Run(row.name+"/"+string(model), func(t *testing.T) {
				d := New(Options{Model: model})
				dir, unmount := mounted(t, d)
				row.does(dir)
				d.Off()
				if err := os.WriteFile(filepath.Join(dir, "late"), nil, 0o600); err == nil {
					t.Error("the disk works without power")
				}
				unmount()
				saw := make(map[string]bool)
				for seed := range uint64(300) {
					saw[holds(d.After(rand.New(rand.NewPCG(seed, 1))), "a")] = true
				}
				if !saw[least] || !saw[row.atMost] {
					t.Errorf("300 cuts left %v, not %q and %q", saw, least, row.atMost)
				}
				if least == row.atMost && len(saw) > 1 {
					t.Errorf("what is on stable storage: %v", saw)
				}
			})
		}
	}
}

// A folder that durable.MkdirAll has made is there after a cut; one of os.MkdirAll is not.
func TestMadeFolders(t *testing.T) {
	for name, row := range map[string]struct {
		make func(string, os.FileMode) error
		want string
	}{"durable": {durable.MkdirAll, "new"}, "os": {os.MkdirAll, "-"}} {
		t.Run(name, func(t *testing.T) {
			d := New(Options{Model: Strict})
			dir, unmount := mounted(t, d)
			folder := filepath.Join(dir, "x", "y")
			testkit.Must(t, row.make(folder, 0o700))
			testkit.Must(t, durable.WriteFile(filepath.Join(folder, "a"), []byte("new"), 0o600))
			d.Off()
			unmount()
			saw := make(map[string]bool)
			for seed := range uint64(100) {
				saw[holds(d.After(rand.New(rand.NewPCG(seed, 1))), "x/y/a")] = true
			}
			if !saw[row.want] || row.want == "new" && len(saw) > 1 {
				t.Errorf("100 cuts left %v", saw)
			}
		})
	}
}

// holds is what a file holds; "-": there is none.
func holds(d *Disk, name string) string {
	for _, f := range d.Files() {
		if f.Path == name {
			return string(f.Data)
		}
	}
	return "-"
}
