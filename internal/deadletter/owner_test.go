package deadletter

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"syslog-gateway/internal/testkit"
)

// asUser is the variable that makes the test binary run one test as another user.
const asUser = "DEADLETTER_TEST_AS_USER"

// nobody is a UID that owns nothing.
const nobody = 65534

// again runs this very test in a process of another user, in a folder that is that user's.
func again(t *testing.T, folder string) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root can leave files of root's behind")
	}
	testkit.Must(t, os.Chown(folder, nobody, nobody))
	// The binary itself lies in a folder that only root may enter.
	program := filepath.Join(filepath.Dir(folder), "test")
	data, err := os.ReadFile(os.Args[0])
	if err == nil {
		err = os.WriteFile(program, data, 0o755)
	}
	testkit.Must(t, err)
	for dir := filepath.Dir(folder); dir != os.TempDir() && dir != "/"; dir = filepath.Dir(dir) {
		testkit.Must(t, os.Chmod(dir, 0o755))
	}
	cmd := exec.Command(program, "-test.run", "^"+t.Name()+"$", "-test.v")
	cmd.Dir = folder
	cmd.Env = append(os.Environ(), asUser+"="+folder)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: "+t.Name()) {
		t.Fatalf("as UID %d: %v\n%s", nobody, err, out)
	}
}

// What root has left in the store, by a verb of an earlier version or by hand, ends no
// start: it is logged and counted, the others are used, and new letters are stored beside it.
func TestFilesOfRootEndNoStart(t *testing.T) {
	folder := os.Getenv(asUser)
	if folder == "" {
		folder = filepath.Join(t.TempDir(), "dead")
		s := open(t, folder, 0, new(testkit.Log))
		testkit.Must(t, s.Append([]Letter{letter(1)}))
		for _, path := range []string{folder, filepath.Join(folder, "000000000001.jsonl")} {
			if err := os.Chown(path, nobody, nobody); err != nil && os.Geteuid() == 0 {
				t.Fatal(err)
			}
		}
		for name, text := range map[string]string{
			"000000000002.jsonl": "{\"id\":\"x\"}\n", "000000000003.jsonl": "", lockName: "", replayLock: "", "000000000001.tmp": "torn",
		} {
			path := filepath.Join(folder, name)
			testkit.Must(t, os.WriteFile(path, []byte(text), 0o600))
			if err := os.Chown(path, 0, 0); err != nil && os.Geteuid() == 0 {
				t.Fatal(err)
			}
		}
		again(t, folder)
		return
	}
	log := new(testkit.Log)
	s := open(t, folder, 0, log)
	if s.Unreadable() != 2 || strings.Count(log.String(), "level=ERROR") != 2 || !strings.Contains(log.String(), "000000000002.jsonl") || !strings.Contains(log.String(), "chown") {
		t.Errorf("%d files are counted, the log says %s", s.Unreadable(), log)
	}
	testkit.Must(t, s.Append([]Letter{letter(2)}))
	if l, err := s.List(); len(l) != 2 || err == nil {
		t.Errorf("%d letters, %v", len(l), err)
	}
	// A replay sends what can be read, says what cannot, and leaves that as it was.
	n := 0
	if _, err := s.Replay(nil, posted(&n)); !errors.Is(err, os.ErrPermission) || n != 2 {
		t.Errorf("%d are posted, %v", n, err)
	}
	for _, name := range []string{"000000000002.jsonl", "000000000003.jsonl"} {
		if _, err := os.Stat(filepath.Join(folder, name)); err != nil {
			t.Error(err)
		}
	}
}

// A folder that cannot be made yet, as on a full disk, is made when the first event is
// refused. One that goes away later is not: it may be a mount point.
func TestFolderIsMadeLater(t *testing.T) {
	path := filepath.Join(t.TempDir(), "in the way", "dead")
	testkit.Must(t, os.WriteFile(filepath.Dir(path), nil, 0o600))
	s := testkit.Try(New(Options{Path: path}))(t)
	if err := s.Open(t.Context()); err == nil {
		t.Fatal("the folder was made in a file")
	}
	if err := s.Append([]Letter{letter(1)}); err == nil {
		t.Error("a letter was stored nowhere")
	}
	testkit.Must(t, os.Remove(filepath.Dir(path)))
	if err := s.Append([]Letter{letter(1)}); err != nil || len(list(t, s)) != 1 {
		t.Errorf("after there is room: %v", err)
	}
	testkit.Must(t, os.RemoveAll(path))
	if err := s.Append([]Letter{letter(1)}); err == nil {
		t.Error("a folder that went away was made again")
	}
}
