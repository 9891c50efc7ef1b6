package pve

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"

	"github.com/luthermonson/go-proxmox"
)

// Resource is a line of /cluster/resources: a guest, node, storage, pool and so on.
// Guests are found here wherever they run. The list may be some seconds old.
type Resource struct {
	ID         string // qemu/100, lxc/101, node/pve, storage/pve/local, /pool/x
	Type       string // qemu, lxc, node, storage, pool, sdn, network
	VMID       int
	Name       string
	Node       string
	Pool       string
	Status     string // running, stopped, online, available, unknown, …
	Lock       string
	Tags       string // separated by ;
	Template   bool
	HAState    string
	Storage    string
	PluginType string // dir, zfspool, …
	Content    string // separated by commas
	Shared     bool
	Disk       int64 // bytes used
	MaxDisk    int64 // bytes
	Mem        int64 // bytes used
	MaxMem     int64 // bytes
	MaxCPU     int
	Uptime     int64 // seconds
}

// UnmarshalJSON implements json.Unmarshaler.
func (r *Resource) UnmarshalJSON(b []byte) error {
	var c Config
	if err := c.UnmarshalJSON(b); err != nil {
		return err
	}
	n := func(key string) int64 { return whole(c[key]) }
	*r = Resource{
		ID: c["id"], Type: c["type"], VMID: int(n("vmid")), Name: c["name"], Node: c["node"], Pool: c["pool"],
		Status: c["status"], Lock: c["lock"], Tags: c["tags"], Template: c.Bool("template", false), HAState: c["hastate"],
		Storage: c["storage"], PluginType: c["plugintype"], Content: c["content"], Shared: c.Bool("shared", false),
		Disk: n("disk"), MaxDisk: n("maxdisk"), Mem: n("mem"), MaxMem: n("maxmem"), MaxCPU: int(n("maxcpu")), Uptime: n("uptime"),
	}
	return nil
}

// whole is s as a number without its fraction; 0 where it is none.
func whole(s string) int64 {
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || f != f || f > 1<<62 || f < -1<<62 {
		return 0
	}
	return int64(f)
}

// IsGuest is true for VMs and containers.
func (r Resource) IsGuest() bool { return r.Type == "qemu" || r.Type == "lxc" }

// Resources reads the whole cluster's list with one request. go-proxmox would ask for
// the cluster's status before, and knows neither lock nor numbers in quotes.
func (c *Client) Resources(ctx context.Context) ([]Resource, error) {
	var list []Resource
	err := c.Get(ctx, "/cluster/resources", nil, &list)
	return list, err
}

// Config reads a guest's configuration; kind is qemu or lxc. For a running guest it
// has the values that a restart would bring.
func (c *Client) Config(ctx context.Context, node, kind string, vmid int) (Config, error) {
	var conf Config
	err := c.Get(ctx, Path("nodes", node, kind, strconv.Itoa(vmid), "config"), nil, &conf)
	return conf, err
}

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
