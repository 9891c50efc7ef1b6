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

// Become makes a verb that was run as root the user who owns a folder of the service.
// What it writes there then belongs to the service, and no link that the service's user
// may have put there leads root anywhere. Read what only root may read before it.
func Become(folder string) error {
	if os.Geteuid() != 0 {
		return nil
	}
	uid, gid, err := Of(folder)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("there is no folder %s: the service makes it when it starts", folder)
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
		return fmt.Errorf("%s belongs to %s, and this process may not become that user (%w): run it as that user, as by sudo -u %s gateway …",
			folder, Name(uid), err, Name(uid))
	}
	return nil
}

// Of is whose a folder is, or would be: a folder that is missing goes by the one that it
// would be made in, unless that is root's.
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
			return 0, 0, fmt.Errorf("look whose folder %s is: %w", folder, err)
		}
		st, ok := info.Sys().(*syscall.Stat_t)
		if !ok || missing && st.Uid == 0 {
			return 0, 0, fmt.Errorf("look whose folder %s is: %w", folder, fs.ErrNotExist)
		}
		return int(st.Uid), int(st.Gid), nil
	}
}

// Name is a user's name for people and for sudo -u.
func Name(uid int) string {
	if u, err := user.LookupId(strconv.Itoa(uid)); err == nil {
		return u.Username
	}
	return "#" + strconv.Itoa(uid)
}
