package main

import (
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"

	"syslog-gateway/internal/infra/pvesim"
	"syslog-gateway/internal/printable"
	"syslog-gateway/internal/testkit"
)

func TestListFlagsTakeSeveralKeys(t *testing.T) {
	for given, want := range map[string]string{
		"plan --only a b --json":                 "plan --only=a --only=b --json",
		"apply --allow-destroy a --only b c":     "apply --allow-destroy=a --only=b --only=c",
		"apply --only=a b":                       "apply --only=a b",
		"apply --only":                           "apply --only",
		"plan --only a -- b":                     "plan --only=a -- b",
		"destroy a b":                            "destroy a b",
		"apply --yes --allow-reboot x --sync y":  "apply --yes --allow-reboot=x --sync y",
		"apply --allow-replace x --allow-reboot": "apply --allow-replace=x --allow-reboot",
	} {
		testkit.Equal(t, given, strings.Join(expandLists(strings.Fields(given)), " "), want)
	}
}

func TestEnvNeverPrintsValues(t *testing.T) {
	w := beside(t)
	w.set("PROXMOX_VE_API_TOKEN=hidden-token")
	w.set("SPLUNK_HEC_TOKEN=hidden-hec")
	for _, args := range [][]string{{"env"}, {"env", "--json"}} {
		a := w.expect(0, []string{"PROXMOX_VE_API_TOKEN"}, args...)
		testkit.Lacks(t, "what is printed", a.out+a.errs, "hidden")
	}
	w.set("PROXMOX_VE_ENDPOINT=")
	w.expect(1, []string{"missing: PROXMOX_VE_ENDPOINT"}, "env")
}

func TestRenderWritesSecretsOnlyWhenAsked(t *testing.T) {
	w := beside(t)
	w.set("SPLUNK_HEC_TOKEN=hidden-hec")
	testkit.Lacks(t, "what is printed", w.expect(0, []string{"[unifi]", "${SPLUNK_HEC_TOKEN}"}, "render", "splunk").out, "hidden")
	folder := w.mkdir("out")
	w.expect(0, []string{"out/inputs.conf"}, "render", "splunk", "--with-token", "-o", folder)
	st := testkit.Try(os.Stat(w.Path("out/inputs.conf")))(t)
	if st.Mode().Perm() != 0o600 || !strings.Contains(w.Read("out/inputs.conf"), "hidden-hec") {
		t.Errorf("mode %v\n%s", st.Mode(), w.Read("out/inputs.conf"))
	}
	w.expect(0, []string{"10.20.30.200:8088", "max_size: 100GB"}, "render", "gateway")
	w.expect(0, []string{"https://other:8088"}, "render", "gateway", "gateway", "--hec", "https://other:8088")
}

func TestExplainNamesTheSourceOfEachValue(t *testing.T) {
	w := beside(t)
	w.set("PROXMOX_VE_NODE=pve")
	w.expect(0, []string{"deployment.json:", "environment PROXMOX_VE_NODE", "default"}, "validate", "--explain")
}

// A Terraform state hands over which guests are ours: one that is no longer declared is
// then refused to vanish, and Splunk cannot be removed at all.
func TestMigrateFromTerraform(t *testing.T) {
	w := beside(t)
	w.expect(0, nil, "apply", "--yes", "--state-dir", "terraform-had-made-it")
	guest := func(module, kind, name, key string, vmid int) map[string]any {
		instance := map[string]any{"schema_version": 0, "attributes": map[string]any{"vm_id": vmid, "node_name": "pve", "id": "x"}}
		if key != "" {
			instance["index_key"] = key
		}
		return map[string]any{"module": module, "mode": "managed", "type": "proxmox_virtual_environment_" + kind, "name": name,
			"provider": `provider["registry.opentofu.org/bpg/proxmox"]`, "instances": []any{instance}}
	}
	text := testkit.Try(json.Marshal(map[string]any{"version": 4, "terraform_version": "1.10.0", "serial": 7, "lineage": "x", "outputs": map[string]any{},
		"resources": []any{
			guest("module.containers[0]", "container", "containers", "dns", 103),
			guest("module.containers[0]", "container", "containers", "gateway", 175),
			guest("module.vms", "vm", "vms", "docker-host", 250),
			guest("module.splunk_vm", "vm", "splunk_vm", "", 200),
		}}))(t)
	w.Write("terraform.tfstate", string(text))
	w.expect(0, []string{"recorded 4 guests", "serial 7"}, "state", "migrate", "terraform.tfstate")
	w.expect(0, []string{"103", "175", "200", "250"}, "state", "list")
	w.expect(0, []string{"adopted", "as declared"}, "adopt")
	w.expect(0, []string{"Nothing to do"}, "plan")
	w.expect(1, []string{"there is no such file"}, "-f", "nowhere.json", "plan")
	w.Edit(w.block("dns"), "")
	w.expect(2, []string{"--allow-destroy dns"}, "plan")
}

func TestAdoptTakesOverInPlace(t *testing.T) {
	w := beside(t)
	w.expect(0, nil, "apply", "--yes", "--state-dir", "another")
	testkit.Must(t, w.Sim.SetConfig(103, "memory", "256"))
	w.Sim.ResetJournal()
	w.expect(0, []string{"dns", "1 field differs", "memory: 256 -> 512"}, "adopt")
	if writes := w.Sim.Writes(); len(writes) > 0 {
		t.Errorf("adopt wrote: %v", writes)
	}
	w.expect(0, []string{"dns"}, "state", "show", "103")
	w.expect(0, []string{"1 done"}, "apply", "--yes")
	for _, r := range w.Sim.Writes() {
		if strings.HasSuffix(r.Path, "/lxc") {
			t.Errorf("created anew: %s", r)
		}
	}
	testkit.Must(t, w.Sim.AddGuest("lxc", 300, "pve", map[string]string{"hostname": "stranger", "rootfs": "local-zfs:8"}))
	w.expect(0, []string{"stranger", "somebody else's"}, "orphans")
}

// The simulator is a process of its own, found by what it prints.
func TestSimulateServesUntilStopped(t *testing.T) {
	t.Parallel()
	for _, flags := range [][]string{{"--example"}, {"--example", "--tls"}, {"--tls", "--example", "--json"}} {
		w := newWorld(t, pvesim.Options{})
		cmd := w.command(append([]string{"simulate", "--listen", "127.0.0.1:0"}, flags...)...)
		out := testkit.Try(os.Create(w.Path("variables")))(t)
		cmd.Stdout = out
		testkit.Must(t, cmd.Start())
		testkit.Eventually(t, "the simulator says where it is", func() bool { return strings.Contains(w.Read("variables"), pvesim.DefaultToken) })
		if slices.Contains(flags, "--json") {
			var vars map[string]string
			testkit.Must(t, json.Unmarshal([]byte(w.Read("variables")), &vars))
			for name, value := range vars {
				w.set(name + "=" + value)
			}
		} else {
			for line := range strings.Lines(w.Read("variables")) {
				w.set(strings.ReplaceAll(strings.TrimPrefix(strings.TrimSpace(line), "export "), "'", ""))
			}
		}
		w.expect(0, []string{"ok   API"}, "check")
		w.expect(2, nil, "plan")
		testkit.Must(t, cmd.Process.Signal(syscall.SIGTERM))
		if err := cmd.Wait(); err != nil {
			t.Errorf("%v: %v", flags, err)
		}
		testkit.Must(t, out.Close())
	}
}

// A signal in the middle of an apply ends it in order, and says so; the next one goes on.
func TestInterruptEndsInOrder(t *testing.T) {
	t.Parallel()
	w := newWorld(t, pvesim.Options{TaskDelay: 30e9})
	cmd := w.command("apply", "--yes")
	var errs strings.Builder
	cmd.Stderr = &errs
	testkit.Must(t, cmd.Start())
	testkit.Eventually(t, "a container is being made", func() bool {
		return slices.ContainsFunc(w.Sim.Writes(), func(r pvesim.Request) bool { return strings.HasSuffix(r.Path, "/lxc") })
	})
	testkit.Must(t, cmd.Process.Signal(syscall.SIGINT))
	err := cmd.Wait()
	if err == nil || cmd.ProcessState.ExitCode() != 1 || !strings.Contains(errs.String(), "not begun") {
		t.Errorf("%v\n%s", err, errs.String())
	}
	w.Hooks(nil, func(*http.Request) { w.Sim.Settle() }) // from now on tasks are quick
	w.expect(0, []string{"an earlier apply was interrupted"}, "apply", "--yes", "--lock-timeout", "0")
	w.expect(0, nil, "plan")
}

func TestMachinesGetJSON(t *testing.T) {
	w := beside(t)
	for _, args := range [][]string{
		{"validate"}, {"validate", "--explain"}, {"plan"}, {"apply", "--yes"}, {"check"}, {"orphans"}, {"adopt"}, {"env"},
		{"state", "list"}, {"state", "show", "dns"}, {"inventory"}, {"inventory", "--format", "ansible"}, {"render", "gateway"},
		{"render", "splunk"}, {"version"}, {"destroy", "dns", "--yes"},
	} {
		a := w.provision(append(args, "--json")...)
		var doc any
		if err := json.Unmarshal([]byte(a.out), &doc); err != nil {
			t.Errorf("%v: %v\n%s%s", args, err, a.out, a.errs)
		}
	}
}

// A guest that was renamed by somebody stays in the record until it is forgotten.
func TestStateForget(t *testing.T) {
	w := beside(t)
	w.expect(0, nil, "apply", "--yes")
	testkit.Must(t, w.Sim.SetConfig(103, "tags", "mine"))
	w.Edit(w.block("dns"), "")
	w.expect(2, []string{"state forget dns"}, "plan")
	w.expect(1, []string{`nothing called "nobody"`}, "state", "forget", "nobody")
	w.expect(0, []string{"forgotten: lxc/dns"}, "state", "forget", "dns")
	w.expect(0, []string{"Nothing to do"}, "plan")
	w.expect(0, []string{`"key": "gateway"`}, "state", "forget", "175", "--json")
	w.expect(0, []string{"forgotten: pool/logging"}, "state", "forget", "pool/logging")
	w.expect(2, nil, "state", "forget")
	if w.Config("103") == "" || w.Config("175") == "" {
		t.Error("a guest that was forgotten is gone")
	}
}

// What is live can hold anything; a terminal must not obey it.
func TestLiveTextDoesNotReachTheTerminalRaw(t *testing.T) {
	w := beside(t)
	w.expect(0, nil, "apply", "--yes")
	const evil = "x\x1b[31mRED\x1b]0;owned\x07\r+ y"
	testkit.Must(t, w.Sim.SetConfig(103, "description", evil))
	testkit.Must(t, w.Sim.AddGuest("lxc", 300, "pve", map[string]string{"hostname": "stranger", "rootfs": "local-zfs:8"}))
	w.Sim.Fail(pvesim.Failure{Method: http.MethodPut, Path: "/nodes/*/lxc/103/config", Status: 500, Reason: "no\x1b[2Jway"})
	for _, run := range []struct {
		code int
		args []string
	}{{2, []string{"plan"}}, {0, []string{"adopt"}}, {0, []string{"orphans"}}, {1, []string{"apply", "--yes"}}} {
		if a := w.expect(run.code, nil, run.args...); strings.ContainsAny(a.out+a.errs, "\x1b\x07\r") {
			t.Errorf("%v: %q", run.args, a.out+a.errs)
		}
	}
	testkit.Equal(t, "escaped", printable.EscapeLines("a\nb\x1bc\u202ed é→"), "a\nb"+`\x1bc\u202ed é→`)
}

func TestSentencesCount(t *testing.T) {
	w := beside(t)
	w.expect(1, []string{"the declaration names no target"}, "inventory", "--sync")
	w.expect(1, []string{"there is no folder nowhere"}, "render", "gateway", "-o", "nowhere")
	w.Edit(`"vm_id": 103`, `"vm_id": 9`)
	w.expect(1, []string{"1 problem:"}, "validate")
	w.expect(1, []string{"1 problem in"}, "validate", "--json")
	w.Write("deployment.json", `{"network_prefix": "10.20.30", "containers": null}`)
	w.expect(0, []string{"note: ", "no container is declared", "fine: 0 containers, 0 VMs"}, "validate")
}

// ansibleInventory is Ansible's own reader; that it is missing fails the test.
func (w *world) ansibleInventory(args ...string) string {
	w.T.Helper()
	program, err := exec.LookPath("ansible-inventory")
	if err != nil {
		w.T.Fatal("ansible-inventory is not on this machine: install Debian's package ansible-core, or run .ci/tools")
	}
	cmd := exec.Command(program, args...)
	cmd.Dir = "/" // not beside the declaration
	cmd.Env = append(w.env, "ANSIBLE_NOCOLOR=1", "LANG=C.UTF-8")
	var errs strings.Builder
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil || strings.Contains(errs.String(), "WARNING") {
		w.T.Fatalf("%v: %v\n%s", args, err, errs.String())
	}
	return string(out)
}

// A link to the program, put beside the declaration, is an Ansible inventory; and so is
// what it prints as one.
func TestProgramIsAnAnsibleInventory(t *testing.T) {
	w := beside(t)
	testkit.Must(t, os.Symlink(os.Args[0], w.Path("estate")))
	w.Write("static.yml", w.expect(0, nil, "inventory", "--format", "ansible").out)
	w.Write("wrapper", "#!/bin/sh\nexec "+os.Args[0]+" -f "+w.Path("deployment.json")+" inventory \"$@\"\n")
	testkit.Must(t, os.Chmod(w.Path("wrapper"), 0o755))
	for _, name := range []string{"estate", "static.yml", "wrapper"} {
		var doc struct {
			Meta struct {
				Hostvars map[string]map[string]any
			} `json:"_meta"`
		}
		testkit.Must(t, json.Unmarshal([]byte(w.ansibleInventory("-i", w.Path(name), "--list")), &doc))
		if vars := doc.Meta.Hostvars["gateway"]; vars["container_ip"] != "10.20.30.175" || vars["ansible_paramiko_host"] != "pve" {
			t.Errorf("%s: variables %v", name, vars)
		}
		if name == "wrapper" {
			continue // what it prints is what the link prints
		}
		graph := w.ansibleInventory("-i", w.Path(name), "--graph")
		if !strings.Contains(graph, "@syslog_gateway_group:") || !strings.Contains(graph, "|--splunk") {
			t.Errorf("%s: graph\n%s", name, graph)
		}
	}
	w.expect(0, []string{`"ansible_host":"10.20.30.200"`}, "--host", "splunk")
	w.expect(1, []string{`"nobody"`}, "--host", "nobody")
	broken := w.Path("deployment.json")
	testkit.Must(t, os.WriteFile(broken, []byte("{"), 0o600))
	if a := w.expect(1, nil, "--list"); a.out != "" {
		t.Errorf("a broken declaration gives an inventory: %s", a.out)
	}
}
