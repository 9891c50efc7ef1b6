// Package owner is about whose the folders of the service are: a verb that root runs must
// not leave files there that the service cannot use.
package owner

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

// Become switches a verb that runs as root to the user who owns a folder of the service.
// Its files then belong to the service, and a link that the service's user may have made
// cannot misdirect root. Read what only root may read before calling it.
func Become(folder string) error {
	if os.Geteuid() != 0 {
		return nil
	}
	uid, gid, err := Of(folder)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("there is no folder %s: the service creates it at its first start", folder)
	case err != nil:
		return err
	case uid == 0:
		return nil
	}
	err = syscall.Setgroups([]int{gid})
	if err == nil {
		err = syscall.Setresgid(gid, gid, gid)
	}
	if err == nil {
		err = syscall.Setresuid(uid, uid, uid)
	}
	if err != nil {
		return fmt.Errorf("%s belongs to %s, and this process may not become that user (%w): run it as that user, for example with sudo -u %s gateway …",
			folder, Name(uid), err, Name(uid))
	}
	return nil
}

// Of returns the owner of a folder. For a missing folder it returns the owner of the
// nearest folder above it, unless that is root.
func Of(folder string) (uid, gid int, err error) {
	at, err := filepath.Abs(folder)
	if err != nil {
		return 0, 0, fmt.Errorf("find %s: %w", folder, err)
	}
	missing := false
	for {
		info, err := os.Stat(at)
		if errors.Is(err, fs.ErrNotExist) && at != filepath.Dir(at) {
			missing, at = true, filepath.Dir(at)
			continue
		}
		if err != nil {
			return 0, 0, fmt.Errorf("find the owner of %s: %w", folder, err)
		}
		st, ok := info.Sys().(*syscall.Stat_t)
		if !ok || missing && st.Uid == 0 {
			return 0, 0, fmt.Errorf("find the owner of %s: %w", folder, fs.ErrNotExist)
		}
		return int(st.Uid), int(st.Gid), nil
	}
}

// Name returns the name of a user, in a form that sudo -u accepts.
func Name(uid int) string {
	if u, err := user.LookupId(strconv.Itoa(uid)); err == nil {
		return u.Username
	}
	return "#" + strconv.Itoa(uid)
}
