package preflight

import (
	"context"
	"strings"
	"testing"

	"syslog-gateway/internal/infra/plan"
	"syslog-gateway/internal/infra/plan/change"
	"syslog-gateway/internal/infra/pve"
	"syslog-gateway/internal/infra/pvesim"
	"syslog-gateway/internal/infra/workflow/upload"
	"syslog-gateway/internal/infra/workflow/workflowtest"
	"syslog-gateway/internal/testkit"
)

// TestRightsPerObject checks a token with privileges of its own, which lacks some on one
// object.
func TestRightsPerObject(t *testing.T) {
	const privs = "Datastore.AllocateSpace Datastore.Audit Pool.Allocate Pool.Audit SDN.Use Sys.Audit Sys.Modify VM.Allocate VM.Audit VM.Clone VM.Config.CPU " +
		"VM.Config.Disk VM.Config.Memory VM.Config.Network VM.Config.Options VM.PowerMgmt"
	role := strings.Fields(privs)
	less := strings.Fields(strings.Replace(privs, "VM.Config.Memory ", "", 1))
	acl := func(path, role string) []pvesim.ACL {
		return []pvesim.ACL{{Path: path, UGID: "ops@pve", Role: role}, {Path: path, UGID: "ops@pve!ci", Role: role}}
	}
	for name, tc := range map[string]struct {
		edit [2]string
		acl  []pvesim.ACL
		want string

		world func(*workflowtest.Rig)
	}{
		"enough":         {[2]string{}, nil, "", nil},
		"vga":            {[2]string{`"tags": ["terraform", "docker"],`, `"tags": ["terraform", "docker"], "vga_type": "std",`}, nil, "VM.Config.HWType on /vms/250 (docker-host)", nil},
		"a mapping":      {[2]string{`"tags": ["terraform", "docker"],`, `"tags": ["terraform", "docker"], "devices": [{"type": "usb", "mapping": "stick"}],`}, nil, "VM.Config.HWType on /vms/250 (docker-host); Mapping.Use on /mapping/usb/stick (docker-host)", nil},
		"one guest":      {[2]string{}, acl("/vms/103", "Less"), "VM.Config.Memory on /vms/103 (dns)", nil},
		"one storage":    {[2]string{}, acl("/storage/local-zfs", "PVEAuditor"), "Datastore.AllocateSpace on /storage/local-zfs (rootdir), where a role of its own takes the place of that on /: give it there", nil},
		"only the user":  {[2]string{}, []pvesim.ACL{{Path: "/vms/103", UGID: "ops@pve!ci", Role: "Less"}}, "VM.Config.Memory on /vms/103", nil},
		"the role's own": {[2]string{}, acl("/sdn", "Less2"), "SDN.Use on /sdn/zones/localnetwork/vmbr0", nil},
		"destroy": {[2]string{}, acl("/vms/199", "PVEAuditor"), "VM.PowerMgmt, VM.Allocate on /vms/199 (destroy old)", func(r *workflowtest.Rig) {
			testkit.Must(r.T, r.Sim.AddGuest("lxc", 199, "pve", map[string]string{"hostname": "old", "tags": "terraform;homelab", "rootfs": "local-zfs:8"}))
			testkit.Must(r.T, r.Sim.SetRunning(199, true))
		}},
		"template": {[2]string{}, nil, "Datastore.AllocateTemplate on /storage/local", func(r *workflowtest.Rig) {
			r.Sim.RemoveFile("local:vztmpl/debian-13-standard_13.1-2_amd64.tar.zst")
		}},
	} {
		t.Run(name, func(t *testing.T) {
			o := pvesim.Options{
				Users:  []pvesim.User{{ID: "root@pam", Password: "x"}, {ID: "ops@pve", Password: "x"}},
				Tokens: []pvesim.Token{{ID: "ops@pve!ci", Secret: "0-1", PrivSep: true}},
				Roles:  map[string][]string{"Provision": role, "Less": less, "Less2": {"VM.Audit"}},
				ACL:    append(acl("/", "Provision"), tc.acl...),
			}
			r := workflowtest.New(t, estate, o)
			if tc.world != nil {
				tc.world(r)
			}
			if tc.edit[0] != "" {
				r.Edit(tc.edit[0], tc.edit[1])
			}
			c := testkit.Try(pve.New(pve.Options{Endpoint: r.URL, Node: "pve", Token: "ops@pve!ci=0-1"}))(t)
			defer c.Close()
			var got Finding
			e := r.Load()
			changes := func(ctx context.Context) ([]change.Change, error) {
				p, err := plan.Make(ctx, c, e, plan.Options{})
				if err != nil {
					return nil, err
				}
				return p.Changes, nil
			}
			for _, f := range Run(t.Context(), Options{Estate: e, Client: c, SSH: &upload.Uploader{API: c}, Plan: changes}) {
				if f.What == "rights" {
					got = f
				}
			}
			if tc.want == "" {
				testkit.Equal(t, "finding", got, Finding{Fine, "rights", "ops@pve!ci"})
				return
			}
			testkit.Holds(t, "finding", got.Says, tc.want, "pveum role add Provision", "--tokens 'ops@pve!ci'")
			testkit.Equal(t, "state", got.State, Fail)
		})
	}
}
