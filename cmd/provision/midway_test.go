package main

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"syslog-gateway/internal/infra/pve"
	"syslog-gateway/internal/infra/pvesim"
	"syslog-gateway/internal/testkit"
)

// TestFiveHundredMistakes: validate says each with its line, the other verbs how many there are and
// the first ones, and nothing is asked of the cluster.
func TestFiveHundredMistakes(t *testing.T) {
	w := beside(t)
	var b strings.Builder
	b.WriteString("{\n\"network_prefix\": \"10.20.30\",\n\"containers\": {\n")
	const mistakes = 500
	for i := range mistakes {
		fmt.Fprintf(&b, "\"c%d\": {\"vm_id\": %d, \"hostname\": \"c%d\", \"ip\": \"10.21.%d.%d\", \"gateway\": \"10.21.0.1\", \"memory_dedicatd\": 512},\n", i, 1000+i, i, 1+i/250, 1+i%250)
	}
	w.Write("deployment.json", strings.Replace(strings.TrimSuffix(b.String(), ",\n"), "/24", "/16", 1)+"},\n\"network_cidr_mask\": \"/16\"}")
	said := func(a answer) int { return strings.Count(a.out+a.errs, "did you mean memory_dedicated?") }
	testkit.Equal(t, "mistakes that validate says", said(w.expect(1, []string{"500 problems", "deployment.json:4:", "deployment.json:503:"}, "validate")), mistakes)
	for _, verb := range [][]string{{"plan"}, {"apply", "--yes"}, {"inventory"}, {"destroy", "c1", "--yes"}, {"check"}} {
		a := w.expect(1, []string{"the declaration has 500 problems, nothing was done: `provision validate` shows all", "deployment.json:4:"}, verb...)
		testkit.Equal(t, "mistakes that "+verb[0]+" says", said(a), 20)
	}
	if requests := w.Sim.Journal(); len(requests) > 0 {
		t.Errorf("asked of the cluster: %v", requests[0])
	}
}

// atFirst does something at the first write to what ends so.
func (w *world) atFirst(method, end string, do func()) {
	var once sync.Once
	w.Hooks(func(r *http.Request) {
		if r.Method == method && strings.HasSuffix(r.URL.Path, end) {
			once.Do(do)
		}
	}, nil)
}

// resumes wants that the failed apply left nothing that the next one does not finish.
func (w *world) resumes() {
	w.T.Helper()
	w.Hooks(nil, nil)
	w.expect(0, []string{"done"}, "apply", "--yes", "--sync", w.Path("published"))
	w.expect(0, []string{"Nothing to do: 4 guests"}, "plan")
	w.expect(0, []string{"none: every live guest"}, "orphans")
	for path, text := range w.Sim.Dump() {
		testkit.Lacks(w.T, path, text, "Being made by provision")
	}
}

// TestTokenLosesARightHalfWay takes one privilege after the other from the token while an apply
// works.
func TestTokenLosesARightHalfWay(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ lost, method, end string }{
		{"VM.Config.Disk", "POST", "/clone"}, {"VM.Allocate", "POST", "/pools"}, {"VM.PowerMgmt", "POST", "/qemu/250/config"},
		{"Sys.Modify", "POST", "/firewall/groups"}, {"Datastore.AllocateSpace", "POST", "/lxc"}, {"VM.Config.Network", "POST", "/clone"},
	} {
		t.Run(c.lost, func(t *testing.T) {
			t.Parallel()
			const privs = "Datastore.AllocateSpace Datastore.AllocateTemplate Datastore.Audit Pool.Allocate Pool.Audit SDN.Use Sys.Audit Sys.Modify VM.Allocate VM.Audit VM.Clone " +
				"VM.Config.CDROM VM.Config.CPU VM.Config.Cloudinit VM.Config.Disk VM.Config.HWType VM.Config.Memory VM.Config.Network VM.Config.Options VM.PowerMgmt"
			w := newWorld(t, pvesim.Options{
				Users:  []pvesim.User{{ID: "root@pam", Password: "x"}, {ID: "ops@pve", Password: "x"}},
				Tokens: []pvesim.Token{{ID: "ops@pve!ci", Secret: "0-1"}},
				Roles:  map[string][]string{"Provision": strings.Fields(privs)},
				ACL:    []pvesim.ACL{{Path: "/", UGID: "ops@pve", Role: "Provision"}},
			})
			w.set("PROXMOX_VE_API_TOKEN=ops@pve!ci=0-1")
			root := testkit.Try(pve.New(pve.Options{Endpoint: w.URL, Username: "root@pam", Password: "x", Node: "pve"}))(t)
			defer root.Close()
			role := func(privs string) {
				if _, err := root.Write(t.Context(), "PUT", "/access/roles/Provision", url.Values{"privs": {privs}}); err != nil {
					t.Error(err)
				}
			}
			w.atFirst(c.method, c.end, func() { role(strings.ReplaceAll(privs, c.lost, "")) })
			w.stops(c.lost)
			w.Hooks(nil, nil)
			w.expect(1, []string{"FAIL rights", c.lost}, "check")
			role(privs)
			w.resumes()
		})
	}
}

// TestTemplateVanishes takes the templates away when an apply has begun.
func TestTemplateVanishes(t *testing.T) {
	w := beside(t)
	file := "local:vztmpl/debian-13-standard_13.1-2_amd64.tar.zst"
	w.atFirst("POST", "/pools", func() {
		if err := w.Sim.RemoveGuest(9000); err != nil {
			t.Error(err)
		}
		w.Sim.RemoveFile(file)
	})
	w.stops("9000")
	w.Hooks(nil, nil)
	w.expect(1, []string{"9000"}, "apply", "--yes")
	testkit.Must(t, w.Sim.AddTemplateFile(file, 130<<20, 600<<20))
	testkit.Must(t, w.Sim.AddTemplateVM(pvesim.TemplateVM{VMID: 9000, Node: "pve", Store: "local-zfs", Disks: map[string]string{"scsi0": "10G"}}))
	w.resumes()
}
