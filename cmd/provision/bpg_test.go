package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"syslog-gateway/internal/infra/pvesim"
	"syslog-gateway/internal/testkit"
)

// homelab is Terraform with the provider bpg/proxmox on the configuration in testdata/bpg, and a
// simulator that is a process of its own.
type homelab struct {
	*world
	program string
}

// newHomelab starts both. With a password the provider logs in as root@pam, else by token.
func newHomelab(t *testing.T, password bool) *homelab {
	t.Helper()
	provider := program(t, "terraform-provider-proxmox", "make bin/tools/terraform-provider-proxmox")
	h := &homelab{world: newWorld(t, pvesim.Options{}), program: findTerraform(t)}
	testkit.Must(t, os.CopyFS(h.Path("homelab"), os.DirFS("testdata/bpg")))
	h.Write("rc", fmt.Sprintf("provider_installation {\n  dev_overrides {\n    \"bpg/proxmox\" = %q\n  }\n}\n", filepath.Dir(provider)))
	args := []string{"simulate", "--tls", "--listen", "127.0.0.1:0"}
	if schema := os.Getenv("PVE_SCHEMA"); schema != "" {
		args = append(args, "--schema", schema)
	}
	sim := h.command(args...)
	out := testkit.Try(os.Create(h.Path("variables")))(t)
	t.Cleanup(func() { _ = out.Close() })
	said := new(testkit.Log)
	sim.Stdout, sim.Stderr = out, said
	testkit.Must(t, sim.Start())
	t.Cleanup(func() {
		_ = sim.Process.Signal(os.Interrupt)
		if err := sim.Wait(); err != nil {
			t.Errorf("the simulator: %v\n%s", err, said)
		}
	})
	testkit.Eventually(t, "the simulator says where it is", func() bool { return strings.Contains(h.Read("variables"), "PASSWORD") })
	h.set("TF_CLI_CONFIG_FILE=" + h.Path("rc"))
	h.set("CHECKPOINT_DISABLE=1")
	h.set("TF_IN_AUTOMATION=1")
	for line := range strings.Lines(h.Read("variables")) {
		line, comment := strings.CutPrefix(strings.TrimSpace(line), "# ")
		variable := strings.ReplaceAll(strings.TrimPrefix(line, "export "), "'", "")
		switch token := strings.HasPrefix(variable, "PROXMOX_VE_API_TOKEN"); {
		case token && password:
			h.set("PROXMOX_VE_API_TOKEN=")
		case !comment || password:
			h.set(variable)
		}
	}
	return h
}

// terraform runs a command and wants an exit code. It gives what was said.
func (h *homelab) terraform(want int, args ...string) string {
	h.T.Helper()
	cmd := exec.Command(h.program, append(args, "-no-color")...)
	cmd.Dir, cmd.Env = h.Path("homelab"), h.env
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil {
		h.T.Fatal(err)
	}
	if got := cmd.ProcessState.ExitCode(); got != want {
		h.T.Fatalf("terraform %s: exit code %d, not %d\n%s", strings.Join(args, " "), got, want, out)
	}
	return string(out)
}

// A homelab is made by Terraform, changed in place, imported and destroyed; after each step a plan
// is empty.
func TestTerraformBpg(t *testing.T) {
	t.Parallel()
	h := newHomelab(t, false)
	h.terraform(0, "apply", "-auto-approve", "-input=false")
	h.terraform(0, "plan", "-detailed-exitcode", "-input=false")
	const changed = "-var=cores=3"
	h.terraform(2, "plan", "-detailed-exitcode", "-input=false", changed) // the control: a plan shows what differs
	testkit.Holds(t, "the change", h.terraform(0, "apply", "-auto-approve", "-input=false", changed), "Resources: 0 added, 29 changed, 0 destroyed")
	h.terraform(0, "plan", "-detailed-exitcode", "-input=false", changed)

	forget, imports := []string{"state", "rm"}, ""
	for address, id := range map[string]string{
		"proxmox_virtual_environment_cluster_firewall_security_group.syslog": "syslog",
		"proxmox_virtual_environment_firewall_rules.gateway":                 "container/pve/175",
		"proxmox_network_linux_bridge.lab":                                   "pve:vmbr99",
		"proxmox_sdn_vnet.tagged":                                            "vlan40",
		"proxmox_backup_job.nightly":                                         "nightly",
		"proxmox_harule.prefer":                                              "prefer-first",
		"proxmox_realm_ldap.directory":                                       "directory",
	} {
		forget = append(forget, address)
		imports += fmt.Sprintf("import {\n  to = %s\n  id = %q\n}\n", address, id)
	}
	h.terraform(0, forget...)
	h.Write("homelab/imports.tf", imports)
	testkit.Holds(t, "the import", h.terraform(0, "apply", "-auto-approve", "-input=false", changed), "Resources: 7 imported, 0 added, 0 changed, 0 destroyed")
	h.terraform(0, "plan", "-detailed-exitcode", "-input=false", changed)
	testkit.Holds(t, "the end", h.terraform(0, "destroy", "-auto-approve", "-input=false", changed), "Destroy complete! Resources: 74 destroyed.")
}

// By password Terraform may do what no token may.
func TestTerraformBpgByPassword(t *testing.T) {
	t.Parallel()
	h := newHomelab(t, true)
	h.terraform(0, "apply", "-auto-approve", "-input=false")
	h.terraform(0, "plan", "-detailed-exitcode", "-input=false")
}
