package inherit

import (
	"errors"
	"fmt"
	"log/slog"
	"os"

	"github.com/coreos/go-systemd/v22/activation"
	"github.com/coreos/go-systemd/v22/daemon"
	"golang.org/x/sys/unix"
)

// FromSystemd finds systemd's file descriptor store and the sockets that the process
// before has kept there. Without a service manager both are nil.
func FromSystemd(log *slog.Logger) (Store, *Sockets) {
	files := activation.Files(true)
	address := os.Getenv("NOTIFY_SOCKET")
	if address == "" {
		for _, f := range files {
			log.Warn("a socket was passed without NOTIFY_SOCKET; it is closed", "name", f.Name(), "error", f.Close())
		}
		return nil, nil
	}
	store := systemd{address}
	return store, Adopt(files, store, log)
}

// systemd is systemd's file descriptor store. What is in it survives this process,
// however it ends, and is passed to the next one (sd_notify(3), FDSTORE=1;
// FileDescriptorStoreMax= of the unit).
type systemd struct{ notifySocket string }

// Keep implements Store.
func (s systemd) Keep(name string, fd int) error {
	to, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("make a socket to the service manager: %w", err)
	}
	// FDPOLL=0: systemd must not drop the socket from the store because of its state.
	state := fdStore + "\nFDNAME=" + name + "\nFDPOLL=0"
	err = unix.Sendmsg(to, []byte(state), unix.UnixRights(fd), &unix.SockaddrUnix{Name: s.notifySocket}, 0)
	if err != nil {
		err = fmt.Errorf("store a socket with the service manager: %w", err)
	}
	return errors.Join(err, unix.Close(to))
}

// Forget implements Store.
func (s systemd) Forget(name string) error {
	if _, err := daemon.SdNotify(false, fdStoreRemove+"\nFDNAME="+name); err != nil {
		return fmt.Errorf("take a socket out of the service manager's store: %w", err)
	}
	return nil
}

// Messages of sd_notify(3) that the daemon package has no names for.
const (
	fdStore       = "FDSTORE=1"
	fdStoreRemove = "FDSTOREREMOVE=1"
)
