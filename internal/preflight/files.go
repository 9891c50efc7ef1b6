package preflight

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"syslog-gateway/internal/stats/text"
)

// User is whom the service runs as. The zero User is the one who runs this process.
type User struct {
	Name   string // "" for the zero User
	UID    int
	Groups []int // the first is the main one
}

// StateFolder is what systemd makes for the unit, and all that the unit may write to without
// ReadWritePaths.
const StateFolder = "/var/lib/syslog-gateway"

// Service is the systemd unit; the zero Service is none.
type Service struct {
	Installed bool
	User      User
	Missing   string   // the name of its user, if this machine does not have it
	OpenFiles int64    // LimitNOFILE
	Writable  []string // ReadWritePaths
}

// Path is a file or a folder that the service needs.
type Path struct {
	Key  string // of the configuration
	Path string // "" is left out
}

// Files checks that the service's user can read the files, and can write to the folders or
// will have them made.
func Files(s Service, read, write []Path) Check {
	return func(context.Context) []Finding {
		var found []Finding
		if s.Missing != "" {
			found = append(found, Finding{"user of the service", Failed, fmt.Sprintf("the systemd unit runs as %s, and this machine has no such user: correct User= of the unit (`systemctl edit syslog-gateway`), "+
				"or make the user (`useradd --system %s`); what follows is checked for the user of this command", s.Missing, s.Missing)})
		}
		for _, p := range read {
			if p.Path == "" {
				continue
			}
			err := s.User.do(func() error { return canRead(p.Path) })
			found = append(found, readVerdict(p, s.User, err))
		}
		for _, p := range write {
			found = append(found, s.folder(p))
		}
		return found
	}
}

func canRead(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if info.IsDir() {
		_, err = os.ReadDir(path)
		return err
	}
	if !info.Mode().IsRegular() { // opening a pipe would wait
		return nil
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return f.Close()
}

func readVerdict(p Path, u User, err error) Finding {
	f := Finding{p.Key, OK, p.Path + " can be read" + u.by()}
	switch {
	case err == nil:
	case errors.Is(err, errOtherUser):
		f.Result, f.Text = NotChecked, fmt.Sprintf("%s: %v; run this with sudo", p.Path, err)
	case errors.Is(err, fs.ErrNotExist):
		f.Result, f.Text = Failed, fmt.Sprintf("%s is not there: correct the path", p.Path)
	case errors.Is(err, fs.ErrPermission):
		f.Result, f.Text = Failed, fmt.Sprintf("%s cannot be read%s: %s", p.Path, u.by(), remedy(p.Path, u))
	default:
		f.Result, f.Text = Failed, fmt.Sprintf("%s cannot be read%s: %v", p.Path, u.by(), cause(err))
	}
	return f
}

// remedy says how a user gets the right to read a file.
func remedy(path string, u User) string {
	if u.Name == "" {
		return "run this as root, or as the user that the gateway runs as"
	}
	return fmt.Sprintf("`chgrp %s %s` and `chmod g+r %s` give the right, and each folder above needs x", u.Name, path, path)
}

// by names the user in a sentence.
func (u User) by() string {
	if u.Name == "" {
		return ""
	}
	return " by the user " + u.Name
}

// folder checks a folder that the service writes to.
func (s Service) folder(p Path) Finding {
	f := Finding{Name: p.Key}
	path, err := filepath.Abs(p.Path)
	if err != nil {
		f.Result, f.Text = Failed, err.Error()
		return f
	}
	above, err := nearest(path)
	switch {
	case err != nil:
		f.Result, f.Text = Failed, fmt.Sprintf("%s cannot be checked: %v", path, cause(err))
		return f
	case s.Installed && !s.mayWrite(path):
		f.Result, f.Text = Failed, fmt.Sprintf("%s is outside of %s, and the systemd unit may write nowhere else: run `systemctl edit syslog-gateway` and add "+
			"[Service] ReadWritePaths=%s; the folder must exist and belong to the service's user", path, StateFolder, path)
		return f
	case above != path && s.Installed && inside(path, StateFolder) && !inside(above, StateFolder):
		f.Result, f.Text = OK, fmt.Sprintf("%s will be made at the first start: %s by systemd, the rest by the gateway", path, StateFolder)
		return f
	}
	err = s.User.do(func() error { return canWrite(above) })
	switch {
	case errors.Is(err, errOtherUser):
		f.Result, f.Text = NotChecked, fmt.Sprintf("%s: %v; run this with sudo", path, err)
	case err != nil && above == path:
		f.Result, f.Text = Failed, fmt.Sprintf("%s cannot be written%s: %v. %s", path, s.User.by(), cause(err), s.User.own(path))
	case err != nil:
		f.Result, f.Text = Failed, fmt.Sprintf("%s is not there and cannot be made in %s%s: %v. Is the path right? Otherwise make the folder. %s",
			path, above, s.User.by(), cause(err), s.User.own(path))
	case above == path:
		f.Result, f.Text = OK, path+" is there and can be written"+s.User.by()
	default:
		f.Result, f.Text = OK, fmt.Sprintf("%s will be made in %s at the first start", path, above)
	}
	return f
}

// own says how a folder becomes the service's.
func (u User) own(path string) string {
	if u.Name == "" {
		return "Run this as the user that the gateway runs as"
	}
	return fmt.Sprintf("`chown -R %s: %s` gives it to the service", u.Name, path)
}

func (s Service) mayWrite(path string) bool {
	for _, folder := range append([]string{StateFolder}, s.Writable...) {
		if inside(path, strings.TrimLeft(folder, "-+")) {
			return true
		}
	}
	return false
}

// inside reports whether a path is a folder or below it.
func inside(path, folder string) bool {
	rel, err := filepath.Rel(folder, path)
	return err == nil && rel != ".." && !strings.HasPrefix(rel, "../")
}

// nearest returns the path, or the nearest folder above it that is there.
func nearest(path string) (string, error) {
	for {
		info, err := os.Stat(path)
		switch {
		case err == nil && !info.IsDir():
			return "", fmt.Errorf("%s is not a folder", path)
		case err == nil:
			return path, nil
		case !errors.Is(err, fs.ErrNotExist) || path == filepath.Dir(path):
			return "", err
		}
		path = filepath.Dir(path)
	}
}

// canWrite makes and removes a file in a folder. A full disk is another check's.
func canWrite(folder string) error {
	f, err := os.CreateTemp(folder, ".gateway-check-*.tmp")
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return nil
	}
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

// cause is the error of the system without the path.
func cause(err error) error {
	var at *fs.PathError
	if errors.As(err, &at) {
		return at.Err
	}
	return err
}

// Room is what the queue may take of its disk, in bytes.
type Room struct {
	Path             string
	MaxSize, MinFree int64
}

// Disk checks that the queue can grow to its size. What is queued now counts as room.
func Disk(r Room) Check {
	return func(context.Context) []Finding {
		const name = "disk of queue.path"
		at, err := nearest(r.Path)
		if err != nil {
			return nil // the check of the folder says it
		}
		free, total, err := space(at)
		if err != nil {
			return one(name, NotChecked, fmt.Sprintf("the free space of %s cannot be read: %v", at, cause(err)))
		}
		result, say := r.verdict(free, total, used(r.Path))
		return one(name, result, say)
	}
}

// headroom is what a suggested max_size leaves of the disk, in percent.
const headroom = 5

func (r Room) verdict(free, total, queued int64) (Result, string) {
	room := free + queued - r.MinFree
	disk := fmt.Sprintf("%s free of %s", text.Size(free), text.Size(total))
	switch {
	case free <= r.MinFree:
		return Failed, fmt.Sprintf("%s is not more than queue.min_free (%s), so the queue counts as full and nothing is accepted: free space, or give the queue another disk",
			disk, text.Size(r.MinFree))
	case room < r.MaxSize:
		const gb = 1_000_000_000
		fits := fmt.Sprintf("queue.max_size: %dGB", max(1, room*(100-headroom)/100/gb))
		if room < 2*gb {
			fits = fmt.Sprintf("queue.max_size: %dMB", max(1, room*(100-headroom)/100/1_000_000))
		}
		return Warning, fmt.Sprintf("%s, of which queue.min_free keeps %s: the queue counts as full at %s, long before queue.max_size (%s). Give it a larger disk, or set %s",
			disk, text.Size(r.MinFree), text.Size(room), text.Size(r.MaxSize), fits)
	}
	return OK, disk + ", enough for queue.max_size (" + text.Size(r.MaxSize) + ")"
}

// used is what the files below a folder take, as far as they can be seen.
func used(path string) (sum int64) {
	_ = filepath.WalkDir(path, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return nil //nolint:nilerr // what cannot be seen counts as nothing
		}
		if info, err := d.Info(); err == nil {
			sum += info.Size()
		}
		return nil
	})
	return sum
}

var errOtherUser = errors.New("only root can check it for the service's user")
