package workflow

import (
	"strings"
	"testing"

	"syslog-gateway/internal/infra/inventory"
	"syslog-gateway/internal/infra/plan"
	"syslog-gateway/internal/infra/pvesim"
	"syslog-gateway/internal/infra/workflow/workflowtest"
	"syslog-gateway/internal/testkit"
)

// A migrated guest is published with the node where it is.
func TestMigratedGuestIsPublishedWhereItIs(t *testing.T) {
	t.Parallel()
	text := strings.Replace(workflowtest.Estate, `"vm_id": 175,`, `"node": "pve2", "vm_id": 175,`, 1)
	b := newRig(t, text, pvesim.Options{})
	b.applied()
	fingerprint := testkit.Try(b.site.Record(t.Context()))(t).Fingerprint
	testkit.Must(t, b.Sim.MoveGuest(103, "pve2"))
	testkit.Try(b.apply(plan.Options{}, b.Path("out.json")))(t)
	testkit.Holds(t, "the inventory", b.Read("out.json"), `"node":"pve2","tags":["terraform","container","dns"`)
	testkit.Equal(t, "the fingerprint of what is declared", testkit.Try(b.site.Record(t.Context()))(t).Fingerprint, fingerprint)
	e := testkit.Try(b.site.Located(t.Context(), b.Load()))(t)
	host := testkit.Try(testkit.Try(inventory.Build(e))(t).Host("dns", inventory.AnsibleOptions{}))(t)
	testkit.Holds(t, "the host", string(host), `"ansible_paramiko_host":"pve2"`, `"proxmox_node":"pve2"`)
}

// What apply would refuse is shown by adopt.
func TestAdoptShowsRefusals(t *testing.T) {
	t.Parallel()
	b := newRig(t, workflowtest.Estate, pvesim.Options{})
	b.applied()
	testkit.Must(t, b.Sim.SetConfig(250, "scsi0", ""))
	testkit.Must(t, b.Sim.SetConfig(250, "scsi7", "local-zfs:vm-250-disk-0,size=50G"))
	w := testkit.Try(b.begin())(t)
	defer func() { testkit.Must(t, w.Close()) }()
	all := testkit.Try(w.Adopt(t.Context(), []string{"docker-host"}))(t)
	if len(all) != 1 || len(all[0].Blocks) == 0 || !strings.Contains(all[0].Blocks[0].Why, `"boot_disk": {"interface": "scsi7"}`) {
		t.Errorf("got %+v", all)
	}
}

// A step by hand is no field, and is shown by adopt as by plan.
func TestAdoptShowsStepsByHand(t *testing.T) {
	t.Parallel()
	b := newRig(t, workflowtest.Estate, pvesim.Options{})
	b.applied()
	testkit.Must(t, b.Sim.SetConfig(250, "ipconfig0", "ip=192.168.0.9/24,gw=192.168.0.1"))
	w := testkit.Try(b.begin())(t)
	defer func() { testkit.Must(t, w.Close()) }()
	all := testkit.Try(w.Adopt(t.Context(), []string{"docker-host"}))(t)
	if len(all) != 1 || !all[0].Adopted || all[0].Says != "a step by hand remains" || len(all[0].Manual) != 1 || !strings.Contains(all[0].Manual[0], "qm set 250 --ipconfig0") {
		t.Errorf("got %+v", all)
	}
}

// The rights that check asks for are enough to make and change everything.
func TestRoleOfCheckIsEnough(t *testing.T) {
	t.Parallel()
	role := strings.Fields("Datastore.AllocateSpace Datastore.Audit Pool.Allocate Pool.Audit SDN.Use Sys.Audit Sys.Modify VM.Allocate VM.Audit VM.Clone " +
		"VM.Config.CPU VM.Config.Disk VM.Config.Memory VM.Config.Network VM.Config.Options VM.PowerMgmt")
	b := newRig(t, strings.Replace(workflowtest.Estate, "{", `{"firewall": {"manage_cluster": true},`, 1), pvesim.Options{
		Users:  []pvesim.User{{ID: "root@pam", Password: "x"}, {ID: "ops@pve", Password: "x"}},
		Tokens: []pvesim.Token{{ID: "ops@pve!ci", Secret: "0-1", PrivSep: true}},
		Roles:  map[string][]string{"Provision": role},
		ACL:    []pvesim.ACL{{Path: "/", UGID: "ops@pve", Role: "Provision"}, {Path: "/", UGID: "ops@pve!ci", Role: "Provision"}},
	})
	b.access.API.Token = "ops@pve!ci=0-1"
	b.applied()
	b.Edit(`"memory_dedicated": 512`, `"memory_dedicated": 1024`)
	b.applied()
	b.empty()
}

// No verb fails for want of an SSH key but what makes a guest with it.
func TestMissingKeyStopsOnlyCreation(t *testing.T) {
	t.Parallel()
	b := newRig(t, workflowtest.Estate, pvesim.Options{})
	b.applied()
	b.Edit(`"ssh_public_key":`, `"vm_ssh_public_key_path": "/nowhere/id.pub", "proxmox_ssh_private_key": "/nowhere/id", "_comment":`)
	b.empty()
	testkit.Must(t, b.Sim.RemoveGuest(103))
	testkit.Fails(t, testkit.Err(b.apply(plan.Options{})), "container dns: the public key for the guests cannot be read", "ssh_public_key")
}
