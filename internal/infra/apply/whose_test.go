package apply_test

import (
	"testing"

	"syslog-gateway/internal/infra/apply"
	"syslog-gateway/internal/infra/declaration"
	"syslog-gateway/internal/infra/plan"
	"syslog-gateway/internal/infra/plan/live"
	"syslog-gateway/internal/infra/pvesim"
	"syslog-gateway/internal/testkit"
)

// record is what an apply puts down of an estate.
func record(e *declaration.Estate) map[int]live.Known {
	known := map[int]live.Known{}
	for _, g := range e.Guests() {
		known[g.VMID] = live.Known{Key: g.Key, Kind: g.Kind, Name: g.Name, Class: g.Class, Protected: g.Protection, Unprotected: g.ProtectionDeclared && !g.Protection}
	}
	return known
}

// TestStaleRecordIsNoClaim has a colleague make a guest under a VMID that the record
// still calls ours.
func TestStaleRecordIsNoClaim(t *testing.T) {
	for name, tc := range map[string]struct {
		kind string
		conf map[string]string
	}{
		"other kind":            {"qemu", map[string]string{"name": "domain-controller", "scsi0": "local-zfs:40", "scsi1": "local-zfs:400"}},
		"other kind, same name": {"qemu", map[string]string{"name": "haproxy", "scsi0": "local-zfs:40"}},
		"other name":            {"lxc", map[string]string{"hostname": "mail", "rootfs": "local-zfs:8"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := made(t, 5)
			known := record(estate(t, "small"))
			testkit.Must(t, b.sim.RemoveGuest(175))
			testkit.Must(t, b.sim.AddGuest(tc.kind, 175, "pve", tc.conf))
			b.noted(vanished(t), plan.Options{Known: known}, "another guest: it stays as it is")
			if _, err := plan.Make(t.Context(), b.client, vanished(t), plan.Options{Known: known, AllowDestroy: []string{"haproxy"}}); err == nil {
				t.Error("it may be destroyed by the key of the recorded one")
			}
			orphans := testkit.Try(plan.Orphans(t.Context(), b.client, vanished(t), plan.Options{Known: known}))(t)
			if len(orphans) != 1 || orphans[0].Marked || orphans[0].Removable {
				t.Errorf("got %+v", orphans)
			}
		})
	}
}

// TestStaleRecordIsNoIdentity has the other guest under a VMID that is declared.
func TestStaleRecordIsNoIdentity(t *testing.T) {
	b := newRig(t, pvesim.Options{Seed: 5})
	e := estate(t, "small")
	b.converge(e, plan.Options{})
	testkit.Must(t, b.sim.RemoveGuest(175))
	testkit.Must(t, b.sim.AddGuest("lxc", 175, "pve", map[string]string{"hostname": "colleagues-db", "rootfs": "local-zfs:40"}))
	o := plan.Options{Known: record(e)}
	const words = "VMID 175 is taken by the container colleagues-db on pve, which this estate has not made"
	b.refused(b.plan(e, o), words)
	p := testkit.Try(plan.MakeDestroy(t.Context(), b.client, e, []string{"haproxy"}, o))(t)
	b.refused(p, words)
}

// TestReuseNeedsItsFlag declares guests under the VMIDs of others.
func TestReuseNeedsItsFlag(t *testing.T) {
	for name, tc := range map[string]struct {
		edit  []func(map[string]any)
		words []string
		allow []string
		gone  []string // what must not be destroyed under its new name
	}{
		"swapped": {[]func(map[string]any){set(ct, "haproxy", "vm_id", 107), set(ct, "minio", "vm_id", 175)},
			[]string{"VMID 107 is the container minio on pve, and minio is declared with VMID 175", "--allow-reuse haproxy", "--allow-reuse minio"}, nil, []string{"haproxy", "minio"}},
		"reused": {[]func(map[string]any){func(d map[string]any) {
			web := guestOf(d, ct, "haproxy")
			web["hostname"] = "web"
			d[ct].(map[string]any)["web"] = web
			delete(d[ct].(map[string]any), "haproxy")
		}}, []string{"VMID 175 is the container haproxy on pve, which was applied as haproxy", "--allow-reuse web"}, []string{"web"}, []string{"web"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := made(t, 5)
			e := estate(t, "small", tc.edit...)
			o := plan.Options{Known: record(estate(t, "small"))}
			b.refused(b.plan(e, o), tc.words...)
			for _, key := range tc.gone {
				p := testkit.Try(plan.MakeDestroy(t.Context(), b.client, e, []string{key}, o))(t)
				b.refused(p, "VMID ")
			}
			if o.AllowReuse = tc.allow; tc.allow != nil {
				b.converge(e, o)
			}
		})
	}
}

// TestKeyRename gives a guest another key, which nothing live knows of.
func TestKeyRename(t *testing.T) {
	b := made(t, 5)
	e := estate(t, "small", func(d map[string]any) {
		d[ct].(map[string]any)["lb"] = guestOf(d, ct, "haproxy")
		delete(d[ct].(map[string]any), "haproxy")
	})
	b.still(e, plan.Options{Known: record(estate(t, "small"))})
}

// TestDestroyByAnotherName refuses to remove a guest by a name that it never had.
func TestDestroyByAnotherName(t *testing.T) {
	b := made(t, 5)
	e := estate(t, "small", set(ct, "haproxy", "hostname", "lb"))
	p := testkit.Try(plan.MakeDestroy(t.Context(), b.client, e, []string{"haproxy"}, plan.Options{}))(t)
	b.refused(p, "its name is haproxy, which is neither declared nor recorded")
}

// twins are two guests with the estate's tags and one name.
func twins(t *testing.T) *rig {
	b := made(t, 5)
	for _, id := range []int{150, 151} {
		testkit.Must(t, b.sim.AddGuest("lxc", id, "pve", map[string]string{"hostname": "old", "rootfs": "local-zfs:8", "tags": "homelab;terraform"}))
	}
	return b
}

// TestFlagsNameOneGuest uses words that name no guest, or several.
func TestFlagsNameOneGuest(t *testing.T) {
	b := twins(t)
	e := estate(t, "small")
	for words, o := range map[string]plan.Options{
		`--allow-destroy "old": that is the name of several guests, say which by VMID: 150, 151`: {AllowDestroy: []string{"old"}},
		`--allow-destroy "nosuch": no live guest`:                                                {AllowDestroy: []string{"nosuch"}},
		`--allow-destroy "haproxy": no live guest`:                                               {AllowDestroy: []string{"haproxy"}},
		`--allow-destroy "150": with --only nothing is destroyed`:                                {AllowDestroy: []string{"150"}, Only: []string{"haproxy"}},
		`--allow-replace "typo": no guest of the declaration`:                                    {AllowReplace: []string{"typo"}},
		`--allow-reboot "": no guest of the declaration`:                                         {AllowReboot: []string{""}},
		`--allow-reuse "typo": no guest of the declaration`:                                      {AllowReuse: []string{"typo"}},
		`adopt nosuch: that is no guest`:                                                         {Only: []string{"nosuch"}, OnlyName: "adopt"},
	} {
		testkit.Fails(t, testkit.Err(plan.Make(t.Context(), b.client, e, o)), words)
	}
	for _, key := range []string{"nosuch", "pool/logging"} {
		testkit.Fails(t, testkit.Err(plan.MakeDestroy(t.Context(), b.client, e, []string{key}, plan.Options{})), "destroy "+key+": that is no guest")
	}
}

// TestNamesakesVanishApart removes one of two guests of one name, and then the other.
func TestNamesakesVanishApart(t *testing.T) {
	b := twins(t)
	e := estate(t, "small")
	b.refused(b.plan(e, plan.Options{AllowDestroy: []string{"150"}}), "--allow-destroy 151", "take its tag terraform off")
	b.converge(e, plan.Options{AllowDestroy: []string{"150", "151"}})
	if b.config(150) != nil || b.config(151) != nil {
		t.Error("they are still there")
	}
}

// TestKeyAllowsNoNamesake restarts the guest whose key was given, not the one of that name.
func TestKeyAllowsNoNamesake(t *testing.T) {
	b := newRig(t, pvesim.Options{Seed: 5})
	edit := set(ct, "haproxy", "hostname", "docker-host")
	b.converge(estate(t, "small", edit), plan.Options{})
	e := estate(t, "small", edit, set(vm, "docker-host", "cpu_cores", 6), set(ct, "haproxy", "nameservers", []string{"192.168.0.103"}))
	b.sim.ResetJournal()
	testkit.Try(b.apply(b.plan(e, plan.Options{AllowReboot: []string{"docker-host"}}), apply.Options{}))(t)
	if b.wrote("/nodes/pve/lxc/175/status/reboot") > 0 {
		t.Error("the namesake was restarted")
	}
	if !b.rebooted() {
		t.Error("nothing was restarted")
	}
}

// TestUndeclaredSplunkIsNoted loses the record and the declaration of Splunk.
func TestUndeclaredSplunkIsNoted(t *testing.T) {
	b := made(t, 5)
	e := estate(t, "small")
	e.Splunk = nil
	b.noted(e, plan.Options{}, "note: 200: the VM splunk-aio on pve has the tags of a Splunk VM")
}
