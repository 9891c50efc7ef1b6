package main

import (
	"errors"
	"fmt"
	"log/slog"
	"os"

	"github.com/coreos/go-systemd/v22/activation"
	"github.com/coreos/go-systemd/v22/daemon"
	"golang.org/x/sys/unix"

	"syslog-gateway/internal/listener"
)

// fdStore is systemd's file descriptor store: what is in it survives this process,
// whatever its end, and is passed to the next one (sd_notify(3), FDSTORE=1;
// FileDescriptorStoreMax= of the unit).
type fdStore struct{ socket string }

// handOver finds the store and what the process before has left there. Without a
// service manager there is neither.
func handOver(log *slog.Logger) (listener.Keeper, *listener.Inherited) {
	files := activation.Files(true)
	socket := os.Getenv("NOTIFY_SOCKET")
	if socket == "" {
		for _, f := range files {
			log.Warn("a socket was passed without NOTIFY_SOCKET; it is closed", "name", f.Name(), "error", f.Close())
		}
		return nil, nil
	}
	store := fdStore{socket}
	return store, listener.Inherit(files, store, log)
}

// Keep implements listener.Keeper.
func (s fdStore) Keep(name string, fd int) error {
	to, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("make a socket to the service manager: %w", err)
	}
	// FDPOLL=0: nothing that happens to a socket shall take it out of the store.
	state := daemonFDStore + "\nFDNAME=" + name + "\nFDPOLL=0"
	err = unix.Sendmsg(to, []byte(state), unix.UnixRights(fd), &unix.SockaddrUnix{Name: s.socket}, 0)
	if err != nil {
		err = fmt.Errorf("store a socket with the service manager: %w", err)
	}
	return errors.Join(err, unix.Close(to))
}

// Forget implements listener.Keeper.
func (s fdStore) Forget(name string) error {
	if _, err := daemon.SdNotify(false, daemonFDRemove+"\nFDNAME="+name); err != nil {
		return fmt.Errorf("take a socket out of the service manager's store: %w", err)
	}
	return nil
}

// What sd_notify(3) knows and the daemon package has no names for.
const (
	daemonFDStore  = "FDSTORE=1"
	daemonFDRemove = "FDSTOREREMOVE=1"
)
