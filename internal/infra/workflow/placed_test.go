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
	fingerprint := testkit.Try(b.site.Record())(t).Fingerprint
	testkit.Must(t, b.Sim.MoveGuest(103, "pve2"))
	testkit.Try(b.apply(plan.Options{}, b.Path("out.json")))(t)
	testkit.Holds(t, "the inventory", b.Read("out.json"), `"node":"pve2","tags":["terraform","container","dns"`)
	testkit.Equal(t, "the fingerprint of what is declared", testkit.Try(b.site.Record())(t).Fingerprint, fingerprint)
	e := testkit.Try(b.site.Located(b.Load()))(t)
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
