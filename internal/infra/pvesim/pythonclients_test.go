package pvesim

import (
	"context"
	"encoding/json"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"syslog-gateway/internal/infra/pvesim/schema"
	"syslog-gateway/internal/testkit"
)

// pythonVariable is set by `make test-clients`: the Python that has proxmoxer. The tests here
// run proxmoxer and Ansible as they are installed on this machine.
const pythonVariable = "PYTHON_CLIENTS"

// clients is a simulator with HTTPS, and the environment in which clients find it.
type clients struct {
	*testing.T
	sim    *Sim
	python string
	env    []string
}

func newClients(t *testing.T) *clients {
	t.Helper()
	python := os.Getenv(pythonVariable)
	if python == "" {
		t.Skip("make test-clients runs it")
	}
	official := testkit.Try(schema.FromEnv())(t)
	sim := testkit.Try(New(Options{Nodes: []string{"pve", "pve2"}, Schema: official}))(t)
	cert, pem, err := NewCertificate("127.0.0.1", "localhost")
	testkit.Must(t, err)
	ln := testkit.Try(net.Listen("tcp", "127.0.0.1:0"))(t)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- sim.Serve(ctx, ln, cert) }()
	t.Cleanup(func() {
		cancel()
		testkit.Must(t, <-done)
		testkit.Must(t, sim.Mismatches())
	})
	dir := t.TempDir()
	iso, ca := filepath.Join(dir, "tiny.iso"), filepath.Join(dir, "ca.pem")
	testkit.Must(t, os.WriteFile(iso, make([]byte, 2048), 0o600))
	testkit.Must(t, os.WriteFile(ca, pem, 0o600))
	return &clients{t, sim, python, append(os.Environ(), "PROXMOX_VE_ENDPOINT=https://"+ln.Addr().String(), "PROXMOX_VE_API_TOKEN="+DefaultToken,
		"PROXMOX_VE_USERNAME="+DefaultUser, "PROXMOX_VE_PASSWORD="+DefaultPassword, "TINY_ISO="+iso, "REQUESTS_CA_BUNDLE="+ca, "PYTHONDONTWRITEBYTECODE=1",
		"ANSIBLE_LOCALHOST_WARNING=0", "ANSIBLE_INVENTORY_UNPARSED_WARNING=0", "ANSIBLE_NOCOLOR=1", "ANSIBLE_PYTHON_INTERPRETER="+python)}
}

// run runs a program and returns what it prints.
func (c *clients) run(name string, args ...string) (string, error) {
	c.Helper()
	ctx, cancel := context.WithTimeout(c.Context(), 8*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir, cmd.Env = filepath.Join("testdata", "clients"), c.env
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		c.Logf("%s", stderr.String())
	}
	return string(out), err
}

// need skips the test where Ansible is missing, or does not have a plugin.
func (c *clients) need(kind, collection, name string) {
	c.Helper()
	at := strings.ReplaceAll(collection, ".", "/") + "/plugins/" + kind // a newer community.general leads elsewhere
	if out, err := c.run("ansible-doc", "-t", strings.TrimSuffix(kind, "s"), collection+"."+name); err != nil || !strings.Contains(out, at) {
		c.Skipf("Ansible does not have %s.%s here: the package ansible of Debian 12 has community.general, that of Debian 13 community.proxmox", collection, name)
	}
}

// play runs a playbook, if Ansible has the collection that it is for.
func (c *clients) play(collection, playbook string) {
	c.Helper()
	c.need("modules", collection, "proxmox_kvm")
	out, err := c.run("ansible-playbook", playbook)
	if c.Logf("%s", out); err != nil {
		c.Errorf("%s: %v", playbook, err)
	}
}

func TestProxmoxer(t *testing.T) {
	c := newClients(t)
	if _, err := c.run(c.python, "-c", "import proxmoxer"); err != nil {
		t.Skip("proxmoxer is not on this machine: install Debian's package python3-proxmoxer")
	}
	c.sim.Fail(Failure{Method: "GET", Path: "/cluster/nextid", Status: 500, Reason: "made to fail"})
	if out, err := c.run(c.python, "calls.py"); err == nil || !strings.Contains(out, "\nFAIL  cluster.nextid") {
		t.Errorf("a call that was made to fail is not seen: %v", err)
	}
	out, err := c.run(c.python, "calls.py")
	for line := range strings.Lines(out) {
		if strings.HasPrefix(line, "FAIL") {
			t.Error(line)
		}
	}
	testkit.Must(t, err)
}

func TestModulesOfCommunityGeneral(t *testing.T) {
	newClients(t).play("community.general", "general.yml")
}

func TestModulesOfCommunityProxmox(t *testing.T) {
	newClients(t).play("community.proxmox", "proxmox.yml")
}

// TestInventoryPlugin: it has every guest but templates, with its facts, groups and the address
// that the agent gives.
func TestInventoryPlugin(t *testing.T) {
	for _, collection := range []string{"community.general", "community.proxmox"} {
		t.Run(collection, func(t *testing.T) {
			c := newClients(t)
			c.need("inventory", collection, "proxmox")
			c.inventory(collection)
		})
	}
}

func (c *clients) inventory(collection string) {
	t := c.T
	testkit.Must(t, c.sim.AddTemplateVM(TemplateVM{VMID: 9000, Disks: map[string]string{"scsi0": "1G"}}))
	testkit.Must(t, c.sim.AddGuest("lxc", 101, "", map[string]string{"hostname": "web", "tags": "front;prod", "description": "a=b, c"}))
	testkit.Must(t, c.sim.AddGuest("lxc", 109, "", map[string]string{"hostname": "hidden"}))
	testkit.Must(t, c.sim.AddGuest("qemu", 201, "pve2", map[string]string{"name": "db", "agent": "1", "net0": "virtio=BC:24:11:00:00:01,bridge=vmbr0", "ipconfig0": "ip=192.0.2.9/24"}))
	rig := &rig{T: t, sim: c.sim, token: DefaultToken}
	for _, target := range []string{"/nodes/pve/lxc/101/status/start", "/nodes/pve2/qemu/201/status/start", "/nodes/pve2/qemu/201/snapshot?snapname=before", "/pools?poolid=prod"} {
		testkit.Equal(t, target, record(rig.sim, "POST", "/api2/json"+target).Code, 200)
	}
	testkit.Equal(t, "pool", record(c.sim, "PUT", "/api2/json/pools/prod?vms=101").Code, 200)

	source := string(testkit.Try(os.ReadFile(filepath.Join("testdata", "clients", "inventory.proxmox.yml")))(t))
	file := filepath.Join(t.TempDir(), "inventory.proxmox.yml")
	testkit.Must(t, os.WriteFile(file, []byte(strings.Replace(source, "community.general", collection, 1)), 0o600))
	out, err := c.run("ansible-inventory", "-i", file, "--list")
	testkit.Must(t, err)
	type group struct{ Hosts, Children []string }
	inventory := map[string]json.RawMessage{}
	testkit.Must(t, json.Unmarshal([]byte(out), &inventory))
	var meta struct {
		HostVars map[string]map[string]any `json:"hostvars"`
	}
	testkit.Must(t, json.Unmarshal(inventory["_meta"], &meta))
	for name, want := range map[string][]string{
		"proxmox_all_lxc": {"web"}, "proxmox_all_qemu": {"db"}, "proxmox_all_running": {"db", "web"}, "proxmox_pve2_qemu": {"db"},
		"proxmox_pool_prod": {"web"}, "proxmox_nodes": {"pve", "pve2"}, "tag_front": {"web"}, "answering": {"db"},
	} {
		var g group
		testkit.Must(t, json.Unmarshal(inventory[name], &g))
		slices.Sort(g.Hosts)
		testkit.Equal(t, name, strings.Join(g.Hosts, " "), strings.Join(want, " "))
	}
	text, err := json.Marshal(meta.HostVars)
	testkit.Must(t, err)
	plain := regexp.MustCompile(`\{"__ansible_unsafe":("(?:[^"\\]|\\.)*")\}`).ReplaceAllString(string(text), "$1")
	testkit.Holds(t, "facts", plain, `"proxmox_snapshots":["before"]`, `"proxmox_qmpstatus":"running"`, `"ansible_host":"192.0.2.9"`,
		`"proxmox_tags_parsed":["front","prod"]`, `"proxmox_net0":{"bridge":"vmbr0","virtio":"BC:24:11:00:00:01"}`, `"proxmox_description":"a=b, c\n"`,
		`"mac-address":"bc:24:11:00:00:01"`)
	testkit.Lacks(t, "facts", plain, "hidden", "9000")
}
