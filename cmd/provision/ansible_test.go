package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"testing"

	"syslog-gateway/internal/infra/pvesim"
	"syslog-gateway/internal/testkit"
)

// ansibleInventory is Ansible's own reader; that it is missing fails the test.
func (w *world) ansibleInventory(args ...string) string {
	w.t.Helper()
	program, err := exec.LookPath("ansible-inventory")
	if err != nil {
		w.t.Fatal("ansible-inventory is not on this machine: install Debian's package ansible-core, or run .ci/tools")
	}
	cmd := exec.Command(program, args...)
	cmd.Dir = "/" // not beside the declaration
	cmd.Env = append(w.env, "ANSIBLE_NOCOLOR=1", "LANG=C.UTF-8")
	var errs strings.Builder
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil || strings.Contains(errs.String(), "WARNING") {
		w.t.Fatalf("%v: %v\n%s", args, err, errs.String())
	}
	return string(out)
}

// A link to the program, put beside the declaration, is an Ansible inventory; and so is
// what it prints as one.
func TestProgramIsAnAnsibleInventory(t *testing.T) {
	t.Parallel()
	w := newWorld(t, smallEstate, pvesim.Options{})
	testkit.Must(t, os.Symlink(os.Args[0], w.path("estate")))
	w.write("static.yml", w.expect(0, nil, "inventory", "--format", "ansible").out)
	w.write("wrapper", "#!/bin/sh\nexec "+os.Args[0]+" -f "+w.path("deployment.json")+" inventory \"$@\"\n")
	testkit.Must(t, os.Chmod(w.path("wrapper"), 0o755))
	for _, name := range []string{"estate", "static.yml", "wrapper"} {
		var doc struct {
			Meta struct {
				Hostvars map[string]map[string]any
			} `json:"_meta"`
		}
		testkit.Must(t, json.Unmarshal([]byte(w.ansibleInventory("-i", w.path(name), "--list")), &doc))
		if vars := doc.Meta.Hostvars["gateway"]; vars["container_ip"] != "10.20.30.175" || vars["ansible_paramiko_host"] != "pve" {
			t.Errorf("%s: variables %v", name, vars)
		}
		if name == "wrapper" {
			continue // what it prints is what the link prints
		}
		graph := w.ansibleInventory("-i", w.path(name), "--graph")
		if !strings.Contains(graph, "@syslog_gateway_group:") || !strings.Contains(graph, "|--splunk") {
			t.Errorf("%s: graph\n%s", name, graph)
		}
	}
	w.expect(0, []string{`"ansible_host":"10.20.30.200"`}, "--host", "splunk")
	w.expect(1, []string{`"nobody"`}, "--host", "nobody")
	broken := w.path("deployment.json")
	testkit.Must(t, os.WriteFile(broken, []byte("{"), 0o600))
	if a := w.expect(1, nil, "--list"); a.out != "" {
		t.Errorf("a broken declaration gives an inventory: %s", a.out)
	}
}
