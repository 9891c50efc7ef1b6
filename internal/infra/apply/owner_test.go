package apply_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"syslog-gateway/internal/infra/apply"
	"syslog-gateway/internal/infra/plan"
	"syslog-gateway/internal/infra/plan/change"
	"syslog-gateway/internal/infra/pve"
	"syslog-gateway/internal/infra/pvesim"
	"syslog-gateway/internal/testkit"
)

const nodeFW = "/nodes/pve/firewall"

// TestNodeRulesOfTheOwnerStay puts the estate's group below them, whatever became of it.
func TestNodeRulesOfTheOwnerStay(t *testing.T) {
	b := newRig(t, pvesim.Options{Seed: 9})
	for _, port := range []string{"8006", "22"} {
		b.by("POST", nodeFW+"/rules", url.Values{"type": {"in"}, "action": {"DROP"}, "proto": {"tcp"}, "dport": {port}, "source": {"10.20.99.0/24"}, "enable": {"1"}})
	}
	e := estate(t, "small")
	b.converge(e, plan.Options{})
	want := []string{"in DROP 22", "in DROP 8006", "group ntp-server"}
	b.has(nodeFW+"/rules", want...)
	for _, w := range b.sim.Writes() {
		if w.Method == "POST" && w.Path == nodeFW+"/rules" && w.Params["type"] == "group" && w.Params["enable"] != "0" {
			t.Error("it was on top and enabled for a while")
		}
	}
	b.by("PUT", nodeFW+"/rules/2", url.Values{"moveto": {"0"}})
	b.still(e, plan.Options{}) // the owner's order
	b.by("PUT", nodeFW+"/rules/0", url.Values{"enable": {"0"}})
	b.converge(e, plan.Options{})
	b.by("DELETE", nodeFW+"/rules/2", nil)
	b.converge(e, plan.Options{})
	b.has(nodeFW+"/rules", want...)
}

// TestPolicyOfTheOwnerStays does not open a cluster that filters already.
func TestPolicyOfTheOwnerStays(t *testing.T) {
	b := newRig(t, pvesim.Options{Seed: 9})
	b.by("PUT", "/cluster/firewall/options", url.Values{"enable": {"1"}, "policy_in": {"DROP"}})
	e := estate(t, "small")
	testkit.Holds(t, "the plan", show(t, b.plan(e, plan.Options{})), "note: cluster-firewall: it is on, and its policy_in is DROP, not ACCEPT: that stays")
	b.converge(e, plan.Options{})
	var options pve.Config
	testkit.Must(t, b.client.Get(t.Context(), "/cluster/firewall/options", nil, &options))
	if options["policy_in"] != "DROP" || options["ebtables"] == "0" {
		t.Errorf("the options are %v", options)
	}
}

// TestOnlySwitchesNothingOn plans a part of an estate whose firewall is off.
func TestOnlySwitchesNothingOn(t *testing.T) {
	b := newRig(t, pvesim.Options{Seed: 9})
	e := estate(t, "small")
	o := plan.Options{Only: []string{"haproxy"}}
	b.refused(b.plan(e, o), "the cluster firewall is off", "apply without --only")
	b.converge(e, plan.Options{})
	b.by("PUT", "/cluster/firewall/options", url.Values{"enable": {"0"}})
	b.still(e, o) // nothing of the part needs it
}

// TestLeavingAClassByHandFirst has the tags changed in Proxmox VE, before the declaration.
func TestLeavingAClassByHandFirst(t *testing.T) {
	b := made(t, 9)
	b.by("PUT", "/nodes/pve/lxc/175/config", url.Values{"tags": {"terraform;container;homelab"}})
	e := estate(t, "small", set(ct, "haproxy", "tags", []string{"terraform", "container"}))
	if c := planned(t, b.plan(e, plan.Options{}), "guest-firewall/haproxy"); c.Action != change.Update {
		t.Errorf("got %+v", c)
	}
	b.converge(e, plan.Options{})
	if got := b.rules(haproxyFW + "/rules"); len(got) > 0 {
		t.Errorf("HAProxy has %v", got)
	}
}

// TestAddressOfAVMIsOwed declares another address for a VM that has been booted.
func TestAddressOfAVMIsOwed(t *testing.T) {
	b := made(t, 9)
	e := estate(t, "small", set(vm, "docker-host", "ip", "192.168.0.66/24"), set(ct, "haproxy", "cpu_cores", 2))
	p := b.plan(e, plan.Options{})
	c := planned(t, p, "vm/docker-host")
	const command = "qm set 250 --ipconfig0 gw=192.168.0.1,ip=192.168.0.66/24 && qm cloudinit update 250 && qm reboot 250"
	if c.Action != change.Manual || !c.Owed || !slices.Equal(p.Owed(), []string{"vm/docker-host"}) || !strings.Contains(c.Manual[0], command) {
		t.Fatalf("want a step by hand:\n%s", show(t, p))
	}
	r := testkit.Try(b.apply(p, apply.Options{}))(t)
	if r.Converged || r.Count(apply.Done) != 1 {
		t.Errorf("nothing may be published: %+v", r)
	}
	r, err := b.apply(b.plan(e, plan.Options{}), apply.Options{})
	if testkit.Must(t, err); r.Converged {
		t.Error("nothing may be published, though no other change remains")
	}
	b.by("PUT", "/nodes/pve/qemu/250/config", url.Values{"ipconfig0": {"gw=192.168.0.1,ip=192.168.0.66/24"}})
	b.still(e, plan.Options{})
}

// TestNotesOfWhatIsIgnored edits what counts only when a guest is made.
func TestNotesOfWhatIsIgnored(t *testing.T) {
	two := set(vm, "docker-host", "additional_disks", []any{with(disk("scsi1", 100), "file_format", "qcow2")})
	for name, tc := range map[string]struct {
		edit func(map[string]any)
		note string
	}{
		"cdrom":       {set(vm, "docker-host", "cdrom_file_id", "local:iso/x.iso"), "its cdrom_file_id (local:iso/x.iso) counts only when it is made"},
		"format":      {two, "the file_format of scsi1 is raw, declared is qcow2"},
		"os type":     {set(ct, "haproxy", "os_type", "ubuntu"), "its os_type is debian, declared is ubuntu"},
		"domain":      {func(d map[string]any) { delete(d, "domain") }, "its searchdomain (example.com) is not declared and stays"},
		"nameservers": {set(vm, "docker-host", "nameservers", []string{"192.168.0.103"}), "cloud-init gave it nameserver none, declared is 192.168.0.103"},
		"swapped": {func(d map[string]any) {
			guestOf(d, vm, "docker-host")["boot_disk"] = disk("scsi1", 100)
			guestOf(d, vm, "docker-host")["additional_disks"] = []any{disk("scsi0", 50)}
		}, "it boots from scsi0, declared as boot disk is scsi1: that stays"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := made(t, 9)
			testkit.Must(t, b.sim.SetConfig(250, "boot", "order=scsi0;net0"))
			b.noted(estate(t, "small", tc.edit), plan.Options{}, tc.note)
		})
	}
}

// TestStoppedGuestIsNoted stops one that starts on boot.
func TestStoppedGuestIsNoted(t *testing.T) {
	b := newRig(t, pvesim.Options{Seed: 9})
	e := estate(t, "small")
	b.converge(e, plan.Options{})
	if p := b.plan(e, plan.Options{}); len(p.Notes) > 0 {
		t.Errorf("there are notes:\n%s", show(t, p))
	}
	testkit.Must(t, b.sim.SetRunning(175, false))
	b.noted(e, plan.Options{}, "note: haproxy: it is not running (stopped)")
}

// TestCreationThatDoesNotRun makes a container whose start fails.
func TestCreationThatDoesNotRun(t *testing.T) {
	b := newRig(t, pvesim.Options{Seed: 9})
	b.filters()
	b.sim.Fail(pvesim.Failure{Method: "POST", Path: "/nodes/pve/lxc", StaysDown: true})
	testkit.Fails(t, testkit.Err(b.apply(b.plan(estate(t, "small"), plan.Options{Only: []string{"haproxy"}}), apply.Options{})), "it is made, but it is not running (stopped)")
}

// TestPendingIsNoted changes what takes effect at the next start, and plans again.
func TestPendingIsNoted(t *testing.T) {
	b := made(t, 9)
	e := estate(t, "small", set(vm, "docker-host", "memory_dedicated", 4096))
	b.converge(e, plan.Options{})
	if s := show(t, b.plan(e, plan.Options{})); !strings.Contains(s, "note: docker-host: waits for its next start: ") ||
		!strings.Contains(s, "(--allow-reboot docker-host restarts it)") {
		t.Errorf("want a note:\n%s", s)
	}
	o := plan.Options{AllowReboot: []string{"docker-host"}}
	b.converge(e, o)
	if p := b.plan(e, plan.Options{}); len(p.Notes) > 0 {
		t.Errorf("there are notes:\n%s", show(t, p))
	}
}

// TestLiveTextIsPrintable has a terminal's commands in what others wrote.
func TestLiveTextIsPrintable(t *testing.T) {
	b := made(t, 9)
	testkit.Must(t, b.sim.SetConfig(175, "description", "x\x1b]0;owned\a\r\u009b2J\u202e"))
	testkit.Must(t, b.sim.SetConfig(175, "searchdomain", "a\x1b[2J"))
	s := show(t, b.plan(estate(t, "small", func(d map[string]any) { delete(d, "domain") }), plan.Options{}))
	if strings.ContainsAny(s, "\x1b\a\r\u009b\u202e") || !strings.Contains(s, `x\x1b]0;owned\a\r\u009b2J\u202e`) || !strings.Contains(s, `a\x1b[2J`) {
		t.Errorf("got %q", s)
	}
}

// TestRefusedIsShort has one reason in its text; the plan has all.
func TestRefusedIsShort(t *testing.T) {
	for n, want := range []string{"nothing was done", "nothing was done: a", "for 2 reasons, which the plan shows; the first: a"} {
		if err := (&apply.Refused{Reasons: []string{"a", "b"}[:n]}).Error(); !strings.HasSuffix(err, want) {
			t.Errorf("got %q", err)
		}
	}
}
