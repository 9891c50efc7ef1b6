package queue

import (
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"syslog-gateway/internal/queue/inspect"
	"syslog-gateway/internal/queue/recovery"
	"syslog-gateway/internal/queue/segment"
	"syslog-gateway/internal/testkit"
)

// A second process is refused also when somebody has removed or replaced the lock file
// under the first one, and so are the verbs.
func TestSecondProcessIsRefused(t *testing.T) {
	for name, change := range map[string]func(lock string) error{
		"untouched": func(string) error { return nil },
		"removed":   os.Remove,
		"replaced": func(lock string) error {
			if err := os.WriteFile(lock+".new", nil, segment.FileMode); err != nil {
				return err
			}
			return os.Rename(lock+".new", lock)
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := fastDir(t)
			first := exec.Command(os.Args[0])
			first.Env = append(os.Environ(), childEnv+"="+dir)
			out, err := first.StdoutPipe()
			testkit.Must(t, err)
			testkit.Must(t, first.Start())
			ended := make(chan error, 1)
			_, err = out.Read(make([]byte, 1)) // it has the queue
			testkit.Must(t, err)
			go func() {
				_, _ = io.Copy(io.Discard, out) // until it is killed
				ended <- first.Wait()
			}()
			defer func() {
				_ = first.Process.Kill()
				<-ended
			}()
			testkit.Must(t, change(filepath.Join(dir, recovery.LockName)))
			second := exec.Command(os.Args[0])
			second.Env = first.Env
			said, err := second.CombinedOutput()
			if err == nil || !strings.Contains(string(said), "in use by another gateway process") {
				t.Fatalf("%v: %s", err, said)
			}
			for verb, do := range map[string]func() error{
				"status":  func() error { _, err := inspect.Status(context.Background(), dir); return err },
				"purge":   func() error { _, err := inspect.Purge(context.Background(), dir); return err },
				"export":  func() error { return inspect.Export(context.Background(), dir, io.Discard, nil) },
				"restore": func() error { _, err := Restore(t.Context(), dir, quiet()); return err },
				"skip":    func() error { _, err := inspect.Skip(context.Background(), dir, nil); return err },
			} {
				if err := do(); err == nil || !strings.Contains(err.Error(), "in use") {
					t.Errorf("%s: %v", verb, err)
				}
			}
		})
	}
}
