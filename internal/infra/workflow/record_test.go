package workflow

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"syslog-gateway/internal/infra/plan"
	"syslog-gateway/internal/infra/plan/change"
	"syslog-gateway/internal/infra/pvesim"
	"syslog-gateway/internal/infra/state"
	"syslog-gateway/internal/infra/workflow/workflowtest"
	"syslog-gateway/internal/testkit"
)

// A guest that is neither declared nor live is forgotten: whoever takes its VMID next is
// not ours.
func TestRecordForgetsWhatIsGone(t *testing.T) {
	t.Parallel()
	b := newRig(t, workflowtest.Estate, pvesim.Options{})
	b.applied()
	testkit.Must(t, b.Sim.RemoveGuest(103))
	b.Edit(dns, "")
	b.applied()
	record := testkit.Try(b.site.Record(t.Context()))(t)
	if _, known := record.Guest(103); known {
		t.Error("still recorded")
	}
	if _, known := record.Guest(175); !known {
		t.Error("another guest is forgotten")
	}
	testkit.Must(t, b.Sim.AddGuest("lxc", 103, "pve", map[string]string{"hostname": "dns", "rootfs": "local-zfs:8"}))
	b.empty()
	s := testkit.Try(Open(t.Context(), b.site, b.access))(t)
	defer s.Close()
	orphans, err := s.Orphans(t.Context())
	if err != nil || len(orphans) != 1 || orphans[0].Marked {
		t.Errorf("%+v, %v", orphans, err)
	}
	testkit.Fails(t, testkit.Err(b.apply(plan.Options{AllowDestroy: []string{"103"}})), "--allow-destroy")
	if b.Config("103") == "" {
		t.Error("a colleague's guest was destroyed")
	}
}

// What other estates may have by the same name is recorded, too. A record of a release that did
// not do so speaks for all that it applied.
func TestRecordHasSharedObjects(t *testing.T) {
	t.Parallel()
	b := newRig(t, workflowtest.Estate, pvesim.Options{})
	b.applied()
	record := testkit.Try(b.site.Record(t.Context()))(t)
	if _, known := record.Find(change.ObjectGroup, "syslog"); !known {
		t.Errorf("no group is recorded: %+v", record.Objects)
	}
	s := testkit.Try(Open(t.Context(), b.site, b.access))(t)
	defer s.Close()
	ours := func(record state.Record) bool {
		s.record = &record
		return s.complete(plan.Options{}).Shared["security-group/syslog"]
	}
	older := *record
	older.Objects = slices.DeleteFunc(slices.Clone(record.Objects), func(o state.Object) bool { return o.Kind == change.ObjectGroup })
	testkit.Equal(t, "with groups, without, and nothing at all", fmt.Sprint(ours(*record), ours(older), ours(state.Record{})), "true true false")
}

// A guest that only has the tags is not offered for removal: another declaration may use them.
func TestTagsAloneAreNotRemovable(t *testing.T) {
	t.Parallel()
	b := newRig(t, workflowtest.Estate, pvesim.Options{})
	b.applied()
	testkit.Must(t, b.Sim.AddGuest("lxc", 140, "pve", map[string]string{"hostname": "other", "rootfs": "local-zfs:8", "tags": "terraform;homelab"}))
	s := testkit.Try(Open(t.Context(), b.site, b.access))(t)
	defer s.Close()
	orphans, err := s.Orphans(t.Context())
	if err != nil || len(orphans) != 1 || !orphans[0].Marked || orphans[0].Recorded || orphans[0].Removable {
		t.Errorf("%+v, %v", orphans, err)
	}
}

// A record speaks of one cluster. Its VMIDs are other guests' on any other.
func TestRecordOfAnotherClusterIsRefused(t *testing.T) {
	t.Parallel()
	b := newRig(t, workflowtest.Estate, pvesim.Options{})
	b.applied()
	b.Reset(pvesim.Options{}) // the same address, nodes and seed
	testkit.Must(t, b.Sim.AddGuest("lxc", 103, "pve", map[string]string{"hostname": "mail", "rootfs": "local-zfs:8"}))
	testkit.Fails(t, testkit.Err(b.plan()), "to another Proxmox VE", "--state-dir")
	testkit.Fails(t, testkit.Err(b.begin()), "to another Proxmox VE", "--state-dir")
	b.site.State = b.Path("other")
	testkit.Fails(t, testkit.Err(b.apply(plan.Options{})), "mail")
	w := testkit.Try(b.begin())(t)
	p := testkit.Try(w.PlanDestroy(t.Context(), []string{"dns"}))(t)
	testkit.Fails(t, testkit.Err(w.CarryOut(t.Context(), p, nil)), "mail")
	testkit.Must(t, w.Close())
	if writes := b.Sim.Writes(); len(writes) > 0 {
		t.Errorf("written: %v", writes)
	}
}

// Two declarations with one record would each take the other's guests for undeclared.
func TestRecordOfAnotherDeclarationIsRefused(t *testing.T) {
	t.Parallel()
	b := newRig(t, strings.Replace(workflowtest.Estate, `"domain"`, `"inventory_sync": ["repo"], "domain"`, 1), pvesim.Options{})
	b.applied()
	b.Write("lab.json", strings.Replace(b.Read("deployment.json"), dns, "", 1))
	b.site.Declaration.Deployment = b.Path("lab.json")
	testkit.Fails(t, testkit.Err(b.plan()), "not to "+b.Path("lab.json"))
	testkit.Fails(t, testkit.Err(b.begin()), "not to "+b.Path("lab.json"))
	testkit.Fails(t, testkit.Err(b.publish()), "not to "+b.Path("lab.json"))
	testkit.Must(t, os.Remove(b.Path("lab.json")))
	testkit.Must(t, os.Symlink(b.Path("deployment.json"), b.Path("lab.json")))
	b.empty() // another name of the same
	testkit.Must(t, os.Remove(b.Path("lab.json")))
	testkit.Must(t, os.Rename(b.Path("deployment.json"), b.Path("lab.json")))
	b.empty() // renamed
}

// Only what was applied last is published, and only when the guests have the addresses
// that are published.
func TestOnlyWhatIsInForceIsPublished(t *testing.T) {
	t.Parallel()
	b := newRig(t, strings.Replace(workflowtest.Estate, `"domain"`, `"inventory_sync": ["repo"], "domain"`, 1), pvesim.Options{})
	target := filepath.Join("repo", "inventory", "terraform_inventory.json")
	testkit.Must(t, os.MkdirAll(filepath.Dir(b.Path(target)), 0o755))
	testkit.Fails(t, testkit.Err(b.publish()), "nothing is published")
	results, err := b.apply(plan.Options{}, b.Path("repo"))
	if err != nil || len(results) != 1 || !results[0].Created {
		t.Errorf("one target that is named twice: %+v, %v", results, err)
	}
	results, err = b.publish()
	if err != nil || len(results) != 1 || len(results[0].Changes) > 0 {
		t.Errorf("published again: %+v, %v", results, err)
	}
	declared, published := b.Read("deployment.json"), b.Read(target)
	for _, edit := range [][2]string{{dns, ""}, {`"vm_id": 103`, `"vm_id": 104`}, {`"containers"`, `"_containers"`}} {
		b.Write("deployment.json", strings.Replace(declared, edit[0], edit[1], 1))
		testkit.Fails(t, testkit.Err(b.publish()))
		testkit.Fails(t, testkit.Err(b.apply(plan.Options{})))
	}
	b.Write("deployment.json", strings.Replace(declared, `"vm_id": 250`, `"ip": "10.20.30.78", "vm_id": 250`, 1))
	testkit.Fails(t, testkit.Err(b.apply(plan.Options{})), "by hand", "not published", "docker-host")
	testkit.Fails(t, testkit.Err(b.publish()), "nothing is published")
	if b.Read(target) != published {
		t.Error("published what is not in force")
	}
	testkit.Must(t, b.Sim.SetConfig(250, "ipconfig0", "ip=10.20.30.78/24,gw=10.20.30.1"))
	results = testkit.Try(b.apply(plan.Options{}))(t)
	const want = `~ vms.docker-host.ip "10.20.30.250" -> "10.20.30.78"`
	found := false
	for _, c := range results[0].Changes {
		found = found || c.String() == want
	}
	if !found {
		t.Errorf("%v lacks %s", results[0].Changes, want)
	}
}

// A step that needs root@pam is not found out in the middle of an apply.
func TestWrongRootPasswordIsKnownBefore(t *testing.T) {
	t.Parallel()
	b := newRig(t, strings.Replace(workflowtest.Estate, `"unprivileged": true, "root_disk"`, `"features": {"keyctl": true}, "unprivileged": true, "root_disk"`, 1), workflowtest.Users("right"))
	b.access.API.Token, b.access.API.Username, b.access.API.Password = "ops@pve!ci=0-1", "root@pam", "wrong"
	testkit.Fails(t, testkit.Err(b.apply(plan.Options{})), "nothing was done", "root@pam", "401")
	for _, r := range b.Sim.Writes() {
		if r.Path != "/access/ticket" {
			t.Errorf("written: %v", r)
		}
	}
	b.access.API.Password = "right"
	b.applied()
	b.empty()
}

func TestTokenBesidePasswordTakesRootSteps(t *testing.T) {
	t.Parallel()
	b := newRig(t, strings.Replace(workflowtest.Estate, `"unprivileged": true, "root_disk"`, `"features": {"nesting": true, "keyctl": true}, "unprivileged": true, "root_disk"`, 1),
		workflowtest.Users("simulator"))
	b.access.API.Token = "ops@pve!ci=0-1"
	var shown strings.Builder
	p := testkit.Try(b.plan())(t)
	testkit.Must(t, p.Text(&shown, false))
	if !strings.Contains(shown.String(), "by hand") || !strings.Contains(shown.String(), "only root@pam itself") {
		t.Errorf("a token alone:\n%s", shown.String())
	}
	b.applied()
	b.access.API.Username, b.access.API.Password = "root@pam", "simulator"
	b.applied()
	b.empty()
	testkit.Holds(t, "live", b.Config("103"), "keyctl=1")
}

// Somebody changes a guest after it was planned and before it is written to.
func TestChangeBetweenPlanAndApply(t *testing.T) {
	t.Parallel()
	b := newRig(t, workflowtest.Estate, pvesim.Options{})
	b.applied()
	b.Edit(`"memory_dedicated": 512`, `"memory_dedicated": 1024`)
	var once sync.Once
	b.Hooks(func(r *http.Request) {
		if r.Method == http.MethodPut && strings.HasSuffix(r.URL.Path, "/lxc/103/config") {
			once.Do(func() { testkit.Must(t, b.Sim.SetConfig(103, "description", "changed by hand")) })
		}
	}, nil)
	target := b.Path("published")
	testkit.Must(t, os.MkdirAll(filepath.Join(target, "inventory"), 0o755))
	testkit.Fails(t, testkit.Err(b.apply(plan.Options{}, target)), "103")
	if entries, err := os.ReadDir(filepath.Join(target, "inventory")); err != nil || len(entries) > 0 {
		t.Errorf("published: %v, %v", entries, err)
	}
	if config := b.Config("103"); strings.Contains(config, "memory: 1024") || !strings.Contains(config, "changed by hand") {
		t.Errorf("live:\n%s", config)
	}
	b.Hooks(nil, nil)
	p := testkit.Try(b.plan())(t)
	var paths []string
	for _, c := range p.Changes {
		for _, f := range c.Fields {
			paths = append(paths, f.Path)
		}
	}
	if got := strings.Join(paths, " "); !strings.Contains(got, "memory") || !strings.Contains(got, "description") {
		t.Errorf("planned: %s", got)
	}
}
