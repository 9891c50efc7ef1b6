package apply_test

import (
	"maps"
	"net/url"
	"strings"
	"testing"
	"time"

	"syslog-gateway/internal/infra/apply"
	"syslog-gateway/internal/infra/plan"
	"syslog-gateway/internal/infra/plan/change"
	"syslog-gateway/internal/infra/pvesim"
	"syslog-gateway/internal/testkit"
)

// creates counts the requests that reached the API to make each guest.
func (b *rig) creates() map[string]int {
	return b.creations(func(pvesim.Request) bool { return true })
}

// made counts those that were answered well.
func (b *rig) made() map[string]int {
	return b.creations(func(r pvesim.Request) bool { return r.Status == 200 })
}

func (b *rig) creations(count func(pvesim.Request) bool) map[string]int {
	n := map[string]int{}
	for _, w := range b.sim.Writes() {
		switch {
		case w.Method != "POST" || !count(w):
		case strings.HasSuffix(w.Path, "/clone"):
			n[w.Params["newid"]]++
		case strings.HasSuffix(w.Path, "/lxc"), strings.HasSuffix(w.Path, "/qemu"):
			n[w.Params["vmid"]]++
		}
	}
	return n
}

// TestDigestConflict changes things by another hand between plan and apply.
func TestDigestConflict(t *testing.T) {
	for name, tc := range map[string]struct {
		edit func(map[string]any)
		hand func(*rig)
		id   string
	}{
		"config": {set("containers", "haproxy", "memory_dedicated", 1024),
			func(b *rig) { b.by("PUT", "/nodes/pve/lxc/175/config", url.Values{"memory": {"2048"}}) }, "container/haproxy"},
		"disk": {set("containers", "haproxy", "root_disk", map[string]any{"datastore_id": "local-zfs", "size": 20}),
			func(b *rig) { b.by("PUT", "/nodes/pve/lxc/175/config", url.Values{"cores": {"4"}}) }, "container/haproxy"},
		"vm": {set("vms", "docker-host", "cpu_cores", 8),
			func(b *rig) { b.by("PUT", "/nodes/pve/qemu/250/config", url.Values{"onboot": {"0"}}) }, "vm/docker-host"},
		"destroy": {drop("haproxy"),
			func(b *rig) { b.by("PUT", "/nodes/pve/lxc/175/config", url.Values{"description": {"keep me"}}) }, "container/haproxy"},
		"rules": {func(d map[string]any) { d["internal_networks"] = []string{"10.0.0.0/8", "192.168.0.0/16"} },
			func(b *rig) { b.by("DELETE", groupFW+"/0", nil) }, "security-group/syslog"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := made(t, 13)
			e := estate(t, "small", tc.edit)
			o := plan.Options{}
			if name == "destroy" {
				o.AllowDestroy = []string{"haproxy"}
			}
			p := b.plan(e, o)
			tc.hand(b)
			before := b.config(175)
			r, err := b.apply(p, apply.Options{})
			if testkit.Fails(t, err, tc.id+" was changed after it was planned"); r.Converged {
				t.Fatal("it says that it converged")
			}
			if got := b.config(175); got.Digest() != before.Digest() {
				t.Error("it wrote nevertheless")
			}
			b.converge(e, o)
		})
	}
}

// TestTakenVMID makes a guest between plan and apply.
func TestTakenVMID(t *testing.T) {
	b := newRig(t, pvesim.Options{Seed: 13})
	p := b.plan(estate(t, "small"), plan.Options{})
	testkit.Must(t, b.sim.AddGuest("lxc", 175, "pve", map[string]string{"hostname": "other", "rootfs": "local-zfs:8"}))
	testkit.Fails(t, testkit.Err(b.apply(p, apply.Options{})), "VMID 175 was taken after the plan was made")
	testkit.Equal(t, "requests to make it", b.creates()["175"], 0)
}

// TestResourcesLagBehind plans again at once: the list does not have the new guests yet.
func TestResourcesLagBehind(t *testing.T) {
	b := newRig(t, pvesim.Options{Seed: 13, ResourceLag: time.Hour})
	b.filters()
	testkit.Try(b.apply(b.plan(estate(t, "small"), plan.Options{Only: []string{"haproxy", "minio"}}), apply.Options{}))(t)
	p := b.plan(estate(t, "small"), plan.Options{Only: []string{"haproxy", "minio"}})
	if p.Count(change.Create) > 0 {
		t.Fatalf("it would make them again:\n%s", show(t, p))
	}
}

// TestUnknownOutcome loses answers before and after the work was done.
func TestUnknownOutcome(t *testing.T) {
	for name, where := range map[string]string{
		"create": "POST /nodes/pve/lxc", "clone": "POST /nodes/pve/qemu/9000/clone", "set up": "POST /nodes/pve/qemu/250/config",
		"resize": "PUT /nodes/pve/qemu/250/resize", "start": "POST /nodes/pve/qemu/250/status/start", "finish": "PUT /nodes/pve/qemu/250/config",
		"pool": "POST /pools", "group": "POST /cluster/firewall/groups", "rule": "POST " + groupFW, "guest rule": "POST " + haproxyFW + "/rules",
		"options": "PUT " + haproxyFW + "/options", "cluster": "PUT /cluster/firewall/options",
	} {
		for kind, answer := range map[string]pvesim.Failure{
			"before": {Status: 596}, "after": {Status: 596, After: true}, "cut after": {Drop: true, After: true},
		} {
			t.Run(name+" "+kind, func(t *testing.T) {
				t.Parallel()
				b := newRig(t, pvesim.Options{Seed: 13})
				answer.Method, answer.Path, _ = strings.Cut(where, " ")
				answer.Times = 2
				b.sim.Fail(answer)
				b.convergeInRuns(2)
				if answer.After {
					once(t, b.creates()) // not even asked for twice
				}
			})
		}
	}
}

// TestUnknownOutcomeOfADestruction loses the answers of what removes a guest.
func TestUnknownOutcomeOfADestruction(t *testing.T) {
	for name, f := range map[string]pvesim.Failure{
		"shutdown before": {Method: "POST", Path: "/nodes/pve/lxc/175/status/shutdown", Status: 596},
		"shutdown after":  {Method: "POST", Path: "/nodes/pve/lxc/175/status/shutdown", Status: 596, After: true},
		"destroy before":  {Method: "DELETE", Path: "/nodes/pve/lxc/175", Status: 596},
		"destroy after":   {Method: "DELETE", Path: "/nodes/pve/lxc/175", Status: 596, After: true},
	} {
		t.Run(name, func(t *testing.T) {
			b := made(t, 13)
			b.sim.Fail(f)
			b.converge(vanished(t), plan.Options{AllowDestroy: []string{"175"}})
		})
	}
}

// TestStopsWhatDoesNotShutDown fails the clean shutdown.
func TestStopsWhatDoesNotShutDown(t *testing.T) {
	b := made(t, 13)
	b.sim.Fail(pvesim.Failure{Method: "POST", Path: "/nodes/pve/lxc/175/status/shutdown", TaskError: "received interrupt"})
	b.converge(vanished(t), plan.Options{AllowDestroy: []string{"haproxy"}})
}

// convergeInRuns applies the lean estate, at most that many times, and shows that no
// guest was made twice.
func (b *rig) convergeInRuns(runs int) {
	b.t.Helper()
	e := lean(b.t)
	var err error
	for range runs {
		var r *apply.Result
		if r, err = b.apply(b.plan(e, plan.Options{}), apply.Options{}); err == nil && r.Converged {
			break
		}
	}
	testkit.Must(b.t, err)
	p := b.plan(e, plan.Options{})
	if !p.Empty() {
		b.t.Fatalf("not there:\n%s", show(b.t, p))
	}
	once(b.t, b.made())
}

// once shows that no guest was made twice.
func once(t testing.TB, made map[string]int) {
	t.Helper()
	for id, n := range made {
		if n > 1 {
			t.Errorf("%s was made %d times", id, n)
		}
	}
}

// TestFailedTaskStopsItsChain fails one guest: others go on, what depends on it does not.
func TestFailedTaskStopsItsChain(t *testing.T) {
	b := newRig(t, pvesim.Options{Seed: 13})
	b.sim.Fail(pvesim.Failure{Method: "POST", Path: "/nodes/pve/qemu/9200/clone", TaskError: "clone failed: disk is gone"})
	r, err := b.apply(b.plan(estate(t, "small"), plan.Options{}), apply.Options{})
	if testkit.Fails(t, err, "vm/splunk: clone template 9200", "disk is gone"); r.Converged {
		t.Fatal("it says that it converged")
	}
	state := map[string]apply.State{}
	for _, o := range r.Outcomes {
		state[o.Change.ID()] = o.State
	}
	for id, want := range map[string]apply.State{
		"vm/splunk": apply.Failed, "guest-firewall/splunk": apply.NotBegun, "cluster-firewall/cluster": apply.NotBegun,
		"container/haproxy": apply.Done, "guest-firewall/haproxy": apply.Done, "vm/docker-host": apply.Done,
	} {
		if state[id] != want {
			t.Errorf("%s is %s, want %s", id, state[id], want)
		}
	}
	b.make(estate(t, "small"))
}

// TestDeadCreation lets the worker of a creation die: its guest stays locked, and
// no run waits without end or creates it again.
func TestDeadCreation(t *testing.T) {
	for name, path := range map[string]string{"lxc": "/nodes/pve/lxc", "clone": "/nodes/pve/qemu/9000/clone"} {
		t.Run(name, func(t *testing.T) {
			b := newRig(t, pvesim.Options{Seed: 13})
			b.sim.Fail(pvesim.Failure{Method: "POST", Path: path, TaskDies: true})
			testkit.Fails(t, testkit.Err(b.apply(b.plan(estate(t, "small"), plan.Options{}), apply.Options{})), "its creation died half way")
			p := b.plan(estate(t, "small"), plan.Options{})
			if p.Count(change.Wait) != 1 {
				t.Fatalf("want it seen as locked:\n%s", show(t, p))
			}
			testkit.Fails(t, testkit.Err(b.apply(p, apply.Options{})), "destroy")
			once(t, b.creates())
		})
	}
}

// TestManyClones stays below what a template bears.
func TestManyClones(t *testing.T) {
	b := newRig(t, pvesim.Options{Seed: 13, MaxClones: 2, LockTimeout: time.Nanosecond, TaskDelay: 20 * time.Millisecond})
	e := estate(t, "small", func(d map[string]any) {
		vms := d["vms"].(map[string]any)
		for _, n := range []string{"1", "2", "3", "4", "5"} {
			v := maps.Clone(vms["docker-host"].(map[string]any))
			v["vm_id"], v["name"] = 230+int(n[0]-'0'), "docker-"+n
			vms["docker-"+n] = v
		}
	})
	b.converge(e, plan.Options{})
}
