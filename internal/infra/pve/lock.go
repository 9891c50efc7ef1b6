package pve

import (
	"context"
	"regexp"
	"strings"
	"time"
)

// Two kinds of locks stop a write. A file lock is held by a process for as long as it
// works on the file; the API waits 10 s for it before it reports it, and nothing was done:
// try again. A config lock is a word in the guest's configuration, written by a task; it
// stays when that task dies, so a long wait is useless.

const (
	lockTries = 4           // of a write that did not get a file lock
	lockPause = time.Second // before the second try; doubled for each further one
)

var configLock = regexp.MustCompile(`(?:CT|VM) is locked(?: \(([a-z-]+)\))?`)

// ConfigLock is the word that a guest is locked with, such as backup; "" where err is
// not about that.
func ConfigLock(err error) string {
	s, ok := text(err)
	if !ok {
		return ""
	}
	m := configLock.FindStringSubmatch(s)
	switch {
	case m == nil:
		return ""
	case m[1] == "":
		return "unknown"
	}
	return m[1]
}

// isFileLock also knows the cluster's own locks (cfs-lock).
func isFileLock(err error) bool {
	s, ok := text(err)
	if !ok {
		return false
	}
	return strings.Contains(s, "can't lock file") && strings.Contains(s, "timeout") ||
		strings.Contains(s, "got lock request timeout") || strings.Contains(s, "got lock timeout")
}

// unlocked runs do until no lock is in its way, or patience ends. It returns do's last
// error.
func (c *Client) unlocked(ctx context.Context, do func() error) error {
	waited := time.Duration(0)
	for try, pause := 1, lockPause; ; try++ {
		err := do()
		switch {
		case err == nil || IsUnknownOutcome(err):
			return err
		case isFileLock(err) && try < lockTries:
		case ConfigLock(err) != "" && waited+lockPause <= c.lockWait:
			waited += lockPause
			pause = lockPause
		default:
			return err
		}
		c.t.log.Info("a lock is in the way, trying again", "in", pause, "reason", err)
		if c.t.sleep(ctx, pause) != nil {
			return err
		}
		pause *= 2
	}
}
