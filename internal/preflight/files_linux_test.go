package preflight

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"syslog-gateway/internal/testkit"
)

// another is a user who owns nothing.
var another = User{Name: "another", UID: 64123, Groups: []int{64123}}

// Root sees files and folders with the rights of the service's user, and keeps its own.
func TestFilesAsTheServicesUser(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can look as another user")
	}
	dir := t.TempDir()
	for at := dir; at != os.TempDir() && at != "/"; at = filepath.Dir(at) {
		testkit.Must(t, os.Chmod(at, 0o755))
	}
	secret, open := filepath.Join(dir, "secret"), filepath.Join(dir, "open")
	testkit.Must(t, os.WriteFile(secret, nil, 0o600))
	testkit.Must(t, os.WriteFile(open, nil, 0o644))
	own := filepath.Join(dir, "own")
	testkit.Must(t, os.Mkdir(own, 0o750))
	testkit.Must(t, os.Chown(own, another.UID, another.UID))
	f := func(s Service, read, write, text string, want Result) {
		t.Helper()
		var r, w []Path
		if read != "" {
			r = []Path{{"read", read}}
		}
		if write != "" {
			w = []Path{{"write", write}}
		}
		got := Files(s, r, w)(t.Context())
		testkit.Equal(t, "findings", len(got), 1)
		testkit.Equal(t, "result of "+got[0].Text, got[0].Result, want)
		testkit.Holds(t, "sentence", got[0].Text, text)
	}
	as, root := Service{User: another}, Service{}
	f(root, secret, "", "can be read", OK)
	f(as, secret, "", "chgrp another", Failed)
	f(as, open, "", "can be read by the user another", OK)
	f(as, filepath.Join(dir, "none"), "", "correct the path", Failed)
	f(as, "", dir, "chown -R another:", Failed)
	f(as, "", filepath.Join(dir, "a", "b"), "Is the path right?", Failed)
	f(as, "", own, "can be written by the user another", OK)
	f(as, "", filepath.Join(own, "queue"), "will be made in "+own, OK)
	f(root, "", filepath.Join(dir, "a", "b"), "will be made in "+dir, OK)
	f(root, "", filepath.Join(open, "b"), "cannot be checked", Failed)
	unit := Service{Installed: true, User: another}
	f(unit, "", own, "ReadWritePaths="+own, Failed)
	unit.Writable = []string{"-" + own}
	f(unit, "", own, "can be written", OK)
	f(unit, "", StateFolder+"-typo/queue", "outside of "+StateFolder, Failed)
	if _, err := os.Stat(StateFolder); err != nil {
		f(unit, "", StateFolder+"/queue", "by systemd", OK)
	}
	// Nothing of this process has changed, and nothing is left behind.
	testkit.Equal(t, "user", syscall.Geteuid(), 0)
	testkit.Must(t, canRead(secret))
	testkit.Equal(t, "files in own", len(testkit.Try(os.ReadDir(own))(t)), 0)
}

// The room for the queue.
func TestRoom(t *testing.T) {
	const gb = 1e9
	f := func(free, total, queued int64, want Result, text string) {
		t.Helper()
		result, say := Room{MaxSize: 100 * gb, MinFree: 2 * gb}.verdict(free, total, queued)
		testkit.Equal(t, "result of "+say, result, want)
		testkit.Holds(t, "sentence", say, text)
	}
	f(110*gb, 120*gb, 0, OK, "110.0 GB free of 120.0 GB")
	f(50*gb, 120*gb, 60*gb, OK, "enough") // what is queued has its room already
	f(20*gb, 30*gb, 0, Warning, "full at 18.0 GB, long before queue.max_size (100.0 GB). Give it a larger disk, or set queue.max_size: 17GB")
	f(3*gb, 30*gb, 0, Warning, "queue.max_size: 950MB")
	f(gb, 200*gb, 150*gb, Failed, "nothing is accepted")
}
