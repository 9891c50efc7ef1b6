package inventory

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"syslog-gateway/internal/testkit"
)

// ansibleInventory is Ansible's own reader; that it is missing fails the test.
func ansibleInventory(t *testing.T, args ...string) string {
	t.Helper()
	program, err := exec.LookPath("ansible-inventory")
	if err != nil {
		t.Fatal("ansible-inventory is not on this machine: install Debian's package ansible-core, or run .ci/tools")
	}
	cmd := exec.Command(program, args...)
	cmd.Env = append(os.Environ(), "ANSIBLE_HOME="+t.TempDir(), "ANSIBLE_NOCOLOR=1", "ANSIBLE_LOCALHOST_WARNING=0")
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v: %v\n%s", args, err, errs.String())
	}
	testkit.Lacks(t, "what Ansible says", errs.String(), "WARNING")
	return out.String()
}

// forms are all that Ansible can read, each in a file of its own.
func forms(t *testing.T, inv *Inventory) map[string]string {
	t.Helper()
	dir := t.TempDir()
	write := func(name string, text []byte, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		testkit.Must(t, os.WriteFile(path, text, mode))
		return path
	}
	answer := write("answer", testkit.Try(inv.List(AnsibleOptions{}))(t), 0o644)
	return map[string]string{
		"YAML":    write("static.yml", testkit.Try(inv.AnsibleYAML(AnsibleOptions{}))(t), 0o644),
		"JSON":    write("static.json", testkit.Try(inv.AnsibleJSON(AnsibleOptions{}))(t), 0o644),
		"dynamic": write("dynamic", []byte("#!/bin/sh\n[ \"$1\" = --list ] || exit 1\nexec cat "+answer+"\n"), 0o755),
	}
}

// Ansible itself lists and graphs every form, without a warning, and finds the same.
func TestAnsibleReadsEveryForm(t *testing.T) {
	inv := build(t, small())
	var lists []any
	for form, path := range forms(t, inv) {
		var doc map[string]any
		testkit.Must(t, json.Unmarshal([]byte(ansibleInventory(t, "-i", path, "--list")), &doc))
		vars := doc["_meta"].(map[string]any)["hostvars"].(map[string]any)
		gateway := vars["syslog-gateway-01"].(map[string]any)
		if gateway["container_ip"] != "10.20.30.175" || gateway["terraform_data"].(map[string]any)["domain"] != "lab.example" {
			t.Errorf("%s: variables %v", form, gateway)
		}
		lists = append(lists, vars)
		graph := ansibleInventory(t, "-i", path, "--graph")
		testkit.Holds(t, form+": the graph", graph, "@syslog_gateway_group:", "@lxc_containers:", "@splunk_vms:", "--splunk", "@pool_logging:")
	}
	for _, l := range lists[1:] {
		if text(l) != text(lists[0]) {
			t.Errorf("two forms differ:\n%s\n%s", text(l), text(lists[0]))
		}
	}
}

func TestAnsibleReadsAnEmptyEstate(t *testing.T) {
	e := small()
	e.Containers, e.VMs, e.Splunk = nil, nil, nil
	for form, path := range forms(t, build(t, e)) {
		var doc struct {
			All struct{ Children []string }
		}
		testkit.Must(t, json.Unmarshal([]byte(ansibleInventory(t, "-i", path, "--list")), &doc))
		if !slices.Contains(doc.All.Children, "lxc_containers") {
			t.Errorf("%s: groups %v", form, doc.All.Children)
		}
	}
}
