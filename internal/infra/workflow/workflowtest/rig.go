// Package workflowtest is an estate in a folder beside a simulated cluster: what the tests
// of workflow and of the program begin with.
package workflowtest

import (
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"syslog-gateway/internal/infra/declaration"
	"syslog-gateway/internal/infra/pvesim"
	"syslog-gateway/internal/infra/pvesim/schema"
	"syslog-gateway/internal/infra/workflow/example"
	"syslog-gateway/internal/testkit"
)

// Estate is one of everything: two containers with the firewall's classes, one of them
// with data, a VM and Splunk.
const Estate = `{
  "domain": "lab.example", "network_prefix": "10.20.30",
  "ssh_public_key": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAICZUzpX4Slhk8yygcPvyLScXJ4ZloIvSNbIxGixHH4fC test",
  "pools": {"logging": {"comment": "Logging"}},
  "containers": {
    "dns": {"vm_id": 103, "hostname": "dns", "tags": ["terraform", "container", "dns"], "memory_dedicated": 512, "unprivileged": true, "root_disk": {"size": 8}},
    "gateway": {"vm_id": 175, "hostname": "gateway", "tags": ["terraform", "container", "syslog-gateway"], "pool_id": "logging", "unprivileged": true,
      "mount_points": [{"volume": "local-zfs", "size": "110G", "path": "/var/lib/syslog-gateway"}]}
  },
  "vms": {
    "docker-host": {"vm_id": 250, "name": "docker-host", "tags": ["terraform", "docker"], "clone_template": {"template_id": 9000},
      "boot_disk": {"datastore_id": "local-zfs", "size": 50}}
  },
  "splunk_vm_id": 200, "splunk_vm_name": "splunk-aio", "template_id": 9200, "splunk_vm_pool_id": "logging"
}`

// Users are root@pam with that password, and an administrator with the token ops@pve!ci=0-1.
func Users(rootPassword string) pvesim.Options {
	return pvesim.Options{
		Users:  []pvesim.User{{ID: "root@pam", Password: rootPassword}, {ID: "ops@pve", Password: "x"}},
		Tokens: []pvesim.Token{{ID: "ops@pve!ci", Secret: "0-1"}},
		ACL:    []pvesim.ACL{{Path: "/", UGID: "ops@pve", Role: "Administrator"}},
	}
}

// Rig is the folder and the cluster. Sim changes with Reset alone.
type Rig struct {
	T   *testing.T
	Dir string
	URL string // of the API
	Sim *pvesim.Sim

	mu     sync.Mutex
	conns  int                 // that clients have open
	before func(*http.Request) // called with each request before it is answered
	after  func(*http.Request)
}

// New writes a declaration and starts a cluster that has what it needs.
func New(t *testing.T, deployment string, options pvesim.Options) *Rig {
	t.Helper()
	r := &Rig{T: t, Dir: t.TempDir()}
	r.Write("deployment.json", deployment)
	server := httptest.NewUnstartedServer(http.HandlerFunc(r.serve))
	server.Config.ConnState = r.connected
	server.Start()
	t.Cleanup(server.Close)
	r.URL = server.URL
	r.Reset(options)
	return r
}

// Load reads the declaration.
func (r *Rig) Load() *declaration.Estate {
	r.T.Helper()
	return testkit.Try(declaration.Load(r.T.Context(), declaration.Options{Deployment: r.Path("deployment.json")}))(r.T)
}

// Reset puts a new cluster behind the same address.
func (r *Rig) Reset(options pvesim.Options) {
	r.T.Helper()
	options.Schema = testkit.Try(schema.FromEnv())(r.T)
	sim := testkit.Try(example.Cluster(r.Load(), options))(r.T)
	r.mu.Lock()
	r.Sim = sim
	r.mu.Unlock()
	r.T.Cleanup(func() { testkit.Must(r.T, sim.Mismatches()) })
}

func (r *Rig) serve(w http.ResponseWriter, req *http.Request) {
	r.mu.Lock()
	before, after, sim := r.before, r.after, r.Sim
	r.mu.Unlock()
	if before != nil {
		before(req)
	}
	sim.Handler().ServeHTTP(w, req)
	if after != nil {
		after(req)
	}
}

func (r *Rig) connected(_ net.Conn, state http.ConnState) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch state {
	case http.StateNew:
		r.conns++
	case http.StateClosed, http.StateHijacked:
		r.conns--
	case http.StateActive, http.StateIdle: // counted since StateNew
	}
}

// Quiet says whether everything that clients have sent was answered.
func (r *Rig) Quiet() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.conns == 0
}

// Hooks are called with every request; nil for none.
func (r *Rig) Hooks(before, after func(*http.Request)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.before, r.after = before, after
}

// Path is that of a name in the folder.
func (r *Rig) Path(name string) string { return filepath.Join(r.Dir, name) }

// Write writes a file.
func (r *Rig) Write(name, text string) {
	r.T.Helper()
	testkit.Must(r.T, os.WriteFile(r.Path(name), []byte(text), 0o600))
}

// Read reads a file.
func (r *Rig) Read(name string) string {
	r.T.Helper()
	return string(testkit.Try(os.ReadFile(r.Path(name)))(r.T))
}

// Edit replaces a text of the declaration.
func (r *Rig) Edit(old, new string) {
	r.T.Helper()
	text := r.Read("deployment.json")
	if !strings.Contains(text, old) {
		r.T.Fatalf("the declaration has no %s", old)
	}
	r.Write("deployment.json", strings.Replace(text, old, new, 1))
}

// Config is the configuration of a live guest; "" if there is none.
func (r *Rig) Config(vmid string) string {
	for path, text := range r.Sim.Dump() {
		if strings.HasSuffix(path, "/"+vmid+".conf") {
			return text
		}
	}
	return ""
}
