package main

import (
	"net/http"
	"strings"
	"testing"

	"syslog-gateway/internal/infra/pvesim"
	"syslog-gateway/internal/printable"
	"syslog-gateway/internal/testkit"
)

// A guest that was renamed by somebody stays in the record until it is forgotten.
func TestStateForget(t *testing.T) {
	t.Parallel()
	w := newWorld(t, smallEstate, pvesim.Options{})
	w.expect(0, nil, "apply", "--yes")
	testkit.Must(t, w.sim.SetConfig(103, "tags", "mine"))
	w.edit(w.block("dns"), "")
	w.expect(2, []string{"state forget dns"}, "plan")
	w.expect(1, []string{`nothing called "nobody"`}, "state", "forget", "nobody")
	w.expect(0, []string{"forgotten: lxc/dns"}, "state", "forget", "dns")
	w.expect(0, []string{"Nothing to do"}, "plan")
	w.expect(0, []string{`"key": "gateway"`}, "state", "forget", "175", "--json")
	w.expect(0, []string{"forgotten: pool/logging"}, "state", "forget", "pool/logging")
	w.expect(2, nil, "state", "forget")
	if w.config("103") == "" || w.config("175") == "" {
		t.Error("a guest that was forgotten is gone")
	}
}

// What is live can hold anything; a terminal must not obey it.
func TestLiveTextDoesNotReachTheTerminalRaw(t *testing.T) {
	t.Parallel()
	w := newWorld(t, smallEstate, pvesim.Options{})
	w.expect(0, nil, "apply", "--yes")
	const evil = "x\x1b[31mRED\x1b]0;owned\x07\r+ y"
	testkit.Must(t, w.sim.SetConfig(103, "description", evil))
	testkit.Must(t, w.sim.AddGuest("lxc", 300, "pve", map[string]string{"hostname": "stranger", "rootfs": "local-zfs:8"}))
	w.sim.Fail(pvesim.Failure{Method: http.MethodPut, Path: "/nodes/*/lxc/103/config", Status: 500, Reason: "no\x1b[2Jway"})
	for _, run := range []struct {
		code int
		args []string
	}{{2, []string{"plan"}}, {0, []string{"adopt"}}, {0, []string{"orphans"}}, {1, []string{"apply", "--yes"}}} {
		if a := w.expect(run.code, nil, run.args...); strings.ContainsAny(a.out+a.errs, "\x1b\x07\r") {
			t.Errorf("%v: %q", run.args, a.out+a.errs)
		}
	}
	if got := printable.EscapeLines("a\nb\x1bc\u202ed é→"); got != "a\nb"+`\x1bc\u202ed é→` {
		t.Error(got)
	}
}

func TestSentencesCount(t *testing.T) {
	t.Parallel()
	w := newWorld(t, smallEstate, pvesim.Options{})
	w.expect(1, []string{"the declaration names no target"}, "inventory", "--sync")
	w.expect(1, []string{"there is no folder nowhere"}, "render", "gateway", "-o", "nowhere")
	w.edit(`"vm_id": 103`, `"vm_id": 9`)
	w.expect(1, []string{"1 problem:"}, "validate")
	w.expect(1, []string{"1 problem in"}, "validate", "--json")
	w.write("deployment.json", `{"network_prefix": "10.20.30", "containers": null}`)
	w.expect(0, []string{"note: ", "no container is declared", "fine: 0 containers, 0 VMs"}, "validate")
}
