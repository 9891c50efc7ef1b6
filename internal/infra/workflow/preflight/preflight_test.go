package preflight

import (
	"strings"
	"testing"
	"time"

	"syslog-gateway/internal/infra/declaration"
	"syslog-gateway/internal/infra/pve"
	"syslog-gateway/internal/infra/workflow/upload"
	"syslog-gateway/internal/infra/workflow/workflowtest"
	"syslog-gateway/internal/testkit"
)

const estate = `{
  "domain": "lab.example", "network_prefix": "10.20.30",
  "ssh_public_key": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAICZUzpX4Slhk8yygcPvyLScXJ4ZloIvSNbIxGixHH4fC test",
  "containers": {"dns": {"vm_id": 103, "hostname": "dns", "tags": ["terraform", "dns"], "features": {"keyctl": true}, "unprivileged": true, "root_disk": {"size": 8}}},
  "vms": {"docker-host": {"vm_id": 250, "name": "docker-host", "tags": ["terraform", "docker"], "clone_template": {"template_id": 9000},
    "boot_disk": {"datastore_id": "local-zfs", "size": 50}}},
  "splunk_vm_id": 200, "splunk_vm_name": "splunk-aio", "template_id": 9200
}`

// rig is a cluster with what the estate needs, and clients to it.
type rig struct {
	*workflowtest.Rig
	estate *declaration.Estate
	now    func() time.Time
}

func newRig(t *testing.T) *rig {
	t.Helper()
	r := workflowtest.New(t, estate, workflowtest.Users("right"))
	return &rig{Rig: r, estate: r.Load()}
}

func (b *rig) client(o pve.Options) *pve.Client {
	b.T.Helper()
	o.Endpoint, o.Node = b.URL, "pve"
	c := testkit.Try(pve.New(o))(b.T)
	b.T.Cleanup(c.Close)
	return c
}

// run makes all checks with a token, and beside it a password of root@pam if there is one.
func (b *rig) run(rootPassword string) map[string]Finding {
	b.T.Helper()
	o := Options{Estate: b.estate, Client: b.client(pve.Options{Token: "ops@pve!ci=0-1"}), Endpoint: b.URL, Now: b.now}
	o.SSH = &upload.Uploader{API: o.Client}
	if rootPassword != "" {
		o.Root = b.client(pve.Options{Username: "root@pam", Password: rootPassword})
	}
	found := make(map[string]Finding)
	for _, f := range Run(b.T.Context(), o) {
		found[f.What] = f
	}
	return found
}

func TestRootPasswordIsTried(t *testing.T) {
	b := newRig(t)
	for password, want := range map[string]Finding{
		"": {State: Warn, Says: "no token may"}, "wrong": {State: Fail, Says: "401"}, "right": {State: Fine, Says: "features of dns"},
	} {
		if got := b.run(password)["root@pam"]; got.State != want.State || !strings.Contains(got.Says, want.Says) {
			t.Errorf("password %q: %+v, want %+v", password, got, want)
		}
	}
}

// A node that is not there is one finding.
func TestUnknownNodeIsOneFinding(t *testing.T) {
	b := newRig(t)
	b.estate.Containers[0].Node = "pve9"
	var failed []string
	for what, f := range b.run("right") {
		if f.State == Fail {
			failed = append(failed, what+" "+f.Says)
		}
	}
	if len(failed) != 1 || !strings.Contains(failed[0], "node pve9 the cluster has no such node, it has pve") {
		t.Errorf("got %q", failed)
	}
}

func TestWhatIsMissingIsNamed(t *testing.T) {
	b := newRig(t)
	for what, f := range b.run("right") {
		if f.State == Fail {
			t.Errorf("%s: %s", what, f.Says)
		}
	}
	testkit.Must(t, b.Sim.RemoveGuest(9000))
	b.estate.ContainerTemplate = "local:vztmpl/mine_1.0_amd64.tar.zst"
	b.estate.Containers[0].Root.Store = "nowhere"
	b.estate.Containers[0].NICs[0].Bridge = "vmbr7"
	b.estate.VMs[0].CDROM = "local:iso/none.iso"
	b.estate.VMs[0].CloudInit.User = "local:snippets/none.yml"
	found := b.run("right")
	for what, says := range map[string]string{
		"template 9000":                       "docker-host",
		"local:vztmpl/mine_1.0_amd64.tar.zst": "pveam download local mine_1.0_amd64.tar.zst",
		"storage nowhere on pve":              "datastore_id",
		"local:iso/none.iso":                  "docker-host is made with it",
		"local:snippets/none.yml":             "docker-host is made with it",
		"bridge vmbr7 on pve":                 "dns is on it: declare one of vmbr0",
	} {
		if f := found[what]; f.State != Fail || !strings.Contains(f.Says, says) {
			t.Errorf("%s: %+v", what, f)
		}
	}
	for _, r := range b.Sim.Writes() {
		if r.Path != "/access/ticket" { // the login of root@pam
			t.Errorf("written: %v", r)
		}
	}
}
