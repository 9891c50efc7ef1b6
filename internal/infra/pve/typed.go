package pve

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/luthermonson/go-proxmox"
)

// Typed is go-proxmox over this client's transport, for its typed reads. Its errors
// hold an *Error for errors.As, so the Is functions work on them. Not for writes: it
// sends them as JSON without the care of Write, and its Task.Wait gives nil for a
// failed task.
func (c *Client) Typed() *proxmox.Client { return c.typed }

// Version is that of the API.
type Version struct{ Version, Release, RepoID string }

// Version asks for the version; the cheapest request that needs valid credentials.
func (c *Client) Version(ctx context.Context) (Version, error) {
	var v proxmox.Version // not Client.Version: that one keeps it without a lock
	if err := c.typed.Get(ctx, "/version", &v); err != nil {
		return Version{}, plain(err)
	}
	return Version{Version: v.Version, Release: v.Release, RepoID: v.RepoID}, nil
}

// Permissions gives the privileges of the user or token: path, privilege.
func (c *Client) Permissions(ctx context.Context) (proxmox.Permissions, error) {
	p, err := c.typed.Permissions(ctx, nil)
	return p, plain(err)
}

// quiet passes go-proxmox's warnings on. Its debug lines hold bodies with passwords.
type quiet struct{ log *slog.Logger }

func (q quiet) Debugf(string, ...any) {}
func (q quiet) Infof(string, ...any)  {}
func (q quiet) Warnf(format string, v ...any) {
	q.log.Warn(fmt.Sprintf("go-proxmox: "+format, v...))
}

func (q quiet) Errorf(format string, v ...any) {
	q.log.Error(fmt.Sprintf("go-proxmox: "+format, v...))
}

// plain takes net/http's wrapping off: it holds the whole URL, with the query.
func plain(err error) error {
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	return err
}
