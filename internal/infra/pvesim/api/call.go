package api

import (
	"fmt"
	"strconv"
	"strings"

	"syslog-gateway/internal/infra/pvesim/access"
	"syslog-gateway/internal/infra/pvesim/store"
	"syslog-gateway/internal/infra/pvesim/task"
)

// Call is one request on its way through a handler. It runs within [store.Cluster.Do].
type Call struct {
	Params map[string]string // of query, body and path
	User   *access.Identity  // nil before login
	Node   *store.Node       // of the path; nil when it names none

	route   *Route
	tasks   *task.List
	started *task.Task // the last one
}

// Str is a parameter as its text; "" when it was not sent.
func (c *Call) Str(k string) string { return c.Params[k] }

// Bool is a parameter as a truth value.
func (c *Call) Bool(k string) bool { return c.Params[k] == "1" }

// Has reports whether a parameter was sent.
func (c *Call) Has(k string) bool { _, ok := c.Params[k]; return ok }

// Int is a parameter as a number.
func (c *Call) Int(k string) int { n, _ := strconv.Atoi(c.Params[k]); return n }

// VMID is the guest that the path or a parameter names.
func (c *Call) VMID() int { return c.Int("vmid") }

// Optional is a parameter, or nil when it was not sent.
func (c *Call) Optional(k string) *string {
	if v, ok := c.Params[k]; ok {
		return &v
	}
	return nil
}

// Start begins a task on the call's node.
func (c *Call) Start(kind, id string, work func(*task.Task) error) *task.Task {
	c.started = c.tasks.Start(c.Node.Name, c.User.Name(), kind, id, work)
	return c.started
}

// RequireVM is check_vm_perm: the right on the guest, or on the pool it is to join.
func (c *Call) RequireVM(vmid int, pool string, privs ...string) error {
	path := fmt.Sprintf("/vms/%d", vmid)
	for _, p := range privs {
		if pool != "" && c.User.Can("/pool/"+pool, p) {
			continue
		}
		if err := c.User.Require(path, p); err != nil {
			return err
		}
	}
	return nil
}

// expand puts the call's parameters for the {names} in a path.
func (c *Call) expand(path string) string {
	for k, v := range c.Params {
		path = strings.ReplaceAll(path, "{"+k+"}", v)
	}
	return path
}

// Permission decides whether a call may go on.
type Permission func(*Call) error

// Need wants every one of privs on path; {names} in path are the call's parameters.
func Need(path string, privs ...string) Permission {
	return func(c *Call) error { return c.User.Require(c.expand(path), privs...) }
}

// NeedAny wants one of privs on path.
func NeedAny(path string, privs ...string) Permission {
	return func(c *Call) error { return c.User.RequireAny(c.expand(path), privs...) }
}

// OnlyRoot wants root@pam itself.
func OnlyRoot(c *Call) error { return c.User.RequireRoot() }
