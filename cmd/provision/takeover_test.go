package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"syslog-gateway/internal/infra/pvesim"
	"syslog-gateway/internal/testkit"
)

// fullEstate is the declaration of the whole estate.
func fullEstate(t *testing.T) string {
	t.Helper()
	return string(testkit.Try(os.ReadFile(filepath.Join("..", "..", "internal", "infra", "declaration", "testdata", "full", "deployment.json")))(t))
}

// takenOver is a world in which a Terraform tree was applied, with what others have beside it:
// a guest with rules, and an alias.
func takenOver(t *testing.T) (*world, *tree) {
	t.Helper()
	w := newWorld(t, pvesim.Options{})
	w.Write("deployment.json", fullEstate(t))
	w.Reset(pvesim.Options{Seed: 1})
	tf := newTree(w)
	testkit.Must(t, w.Sim.AddGuest("lxc", 300, "pve", map[string]string{"hostname": "neighbour", "rootfs": "local-zfs:8", "memory": "512", "tags": "other"}))
	tf.send("POST", "/cluster/firewall/aliases", "name", "office", "cidr", "10.9.0.0/16", "comment", "the neighbour's")
	tf.send("POST", "/nodes/pve/lxc/300/firewall/rules", "type", "in", "action", "ACCEPT", "enable", "1", "proto", "tcp", "dport", "80", "source", "dc/office")
	tf.apply()
	tf.states(w)
	w.Sim.ResetJournal()
	return w, tf
}

// differing runs a plan and gives what it would change, as OBJECT KEY ACTION FIELD FROM TO.
func (w *world) differing(args ...string) []string {
	w.T.Helper()
	a := w.provision(append([]string{"plan", "--json"}, args...)...)
	var p struct {
		Changes []struct {
			Object, Key, Action string
			Fields              []struct{ Path, From, To string }
			Blocks              []struct{ Why string }
		}
	}
	if err := json.Unmarshal([]byte(a.out), &p); err != nil {
		w.T.Fatalf("plan: %v\n%s%s", err, a.out, a.errs)
	}
	out := []string{}
	for _, c := range p.Changes {
		for _, f := range c.Fields {
			out = append(out, fmt.Sprintf("%s %s %s %s %s > %s", c.Object, c.Key, c.Action, f.Path, f.From, f.To))
		}
		if len(c.Blocks) > 0 {
			out = append(out, fmt.Sprintf("%s %s is refused", c.Object, c.Key))
		}
	}
	slices.Sort(out)
	return out
}

// harm are the writes that removed, made, stopped or restarted something: all but a PUT, and the
// POST that sets the comment of a group that is there.
func (w *world) harm() []string {
	var out []string
	for _, r := range w.Sim.Writes() {
		if r.Method != http.MethodPut && r.Params["rename"] == "" || r.Params["delete"] != "" {
			out = append(out, r.Method+" "+r.Path)
		}
	}
	return out
}

// TestTakeoverOfATerraformTree takes over the whole estate that Terraform made, 77 objects by
// request and a file: nothing is destroyed, made or stopped, the second plan is empty, and the
// inventory says what Terraform's said.
func TestTakeoverOfATerraformTree(t *testing.T) {
	t.Parallel()
	w, tf := takenOver(t)
	testkit.Equal(t, "objects by request", tf.made, 77)
	testkit.Equal(t, "resources of the state", len(tf.state), 78)
	before := w.Sim.Dump()

	w.expect(0, []string{"fine: 26 containers, 3 VMs, 3 pools"}, "validate")
	w.expect(0, []string{"recorded 29 guests"}, "state", "migrate", "terraform.tfstate")
	adopted := w.expect(0, nil, "adopt")
	testkit.Equal(t, "guests that are adopted", strings.Count(adopted.out, "adopted "), 29)
	testkit.Equal(t, "guests that are as declared", strings.Count(adopted.out, "as declared"), 23)
	if writes := w.Sim.Writes(); len(writes) > 0 {
		t.Errorf("taking over wrote: %v", writes)
	}

	// Only protection differs, and the words of comments.
	data := []string{"container minio", "container mssql", "container openproject", "container qdrant", "vm docker-host", "vm splunk"}
	for _, d := range w.differing() {
		object, rest, _ := strings.Cut(d, " update ")
		switch {
		case rest == "protection 0 > 1" && slices.Contains(data, object):
			data = slices.DeleteFunc(data, func(s string) bool { return s == object })
		case strings.HasPrefix(object, "security-group ") && strings.HasPrefix(rest, "comment "):
		default:
			t.Errorf("the first plan has: %s", d)
		}
	}
	testkit.Equal(t, "guests with data that stay unprotected", strings.Join(data, ", "), "")

	w.expect(0, nil, "apply", "--yes")
	if harm := w.harm(); len(harm) > 0 {
		t.Errorf("the takeover did: %v", harm)
	}
	w.expect(0, []string{"Nothing to do: 29 guests"}, "plan")
	after := w.Sim.Dump()
	for path, text := range before {
		for line := range strings.Lines(text) {
			if strings.Contains(line, "protection: 0") || strings.Contains(path, "cluster.fw") && strings.HasPrefix(line, "[group ") {
				continue // what is to change
			}
			if !strings.Contains(after[path], line) {
				t.Errorf("%s lost: %s", path, line)
			}
		}
	}

	want := testkit.Try(json.Marshal(tf.inventory()))(t)
	w.mkdir("repo/inventory")
	w.Write("repo/inventory/terraform_inventory.json", string(want)+"\n")
	sameMeaning(t, []byte(w.expect(0, nil, "inventory").out), want)
	w.expect(0, []string{"unchanged"}, "apply", "--yes", "--sync", "repo")
	sameMeaning(t, []byte(w.Read("repo/inventory/terraform_inventory.json")), want)
	w.expect(0, []string{"somebody else's"}, "orphans")
}

// sameMeaning compares two JSON documents.
func sameMeaning(t *testing.T, got, want []byte) {
	t.Helper()
	var a, b map[string]any
	testkit.Must(t, json.Unmarshal(got, &a))
	testkit.Must(t, json.Unmarshal(want, &b))
	for _, key := range slices.Compact(slices.Sorted(maps.Keys(merge(a, b)))) {
		if !reflect.DeepEqual(a[key], b[key]) {
			t.Errorf("%s is\n%v\nwhere Terraform's is\n%v", key, a[key], b[key])
		}
	}
}

func merge(a, b map[string]any) map[string]any {
	all := maps.Clone(a)
	maps.Copy(all, b)
	return all
}

// TestTakeoverSeesOneChange is the control: whatever is changed by hand after the takeover, the
// plan shows it, and nothing else.
func TestTakeoverSeesOneChange(t *testing.T) {
	t.Parallel()
	w, tf := takenOver(t)
	w.Edit(`"network_prefix"`, `"firewall": {"manage_cluster": true}, "network_prefix"`)
	w.expect(0, nil, "state", "migrate", "terraform.tfstate")
	w.expect(0, nil, "apply", "--yes")
	for name, c := range map[string]struct {
		method, path string
		params       []string
		shows        string
	}{
		"container":     {"PUT", "/nodes/pve/lxc/175/config", []string{"memory", "640"}, "container haproxy update memory 640 > 512"},
		"VM":            {"PUT", "/nodes/pve/qemu/250/config", []string{"tags", "docker"}, "vm docker-host update tags docker > docker;homelab;logging;terraform"},
		"Splunk":        {"PUT", "/nodes/pve/qemu/200/config", []string{"onboot", "0"}, "vm splunk update onboot 0 > 1"},
		"pool":          {"PUT", "/pools/ai", []string{"comment", "toys"}, "pool ai update comment toys > AI development environments"},
		"guest's rules": {"PUT", "/nodes/pve/lxc/165/firewall/options", []string{"policy_in", "ACCEPT"}, "guest-firewall qdrant update policy_in ACCEPT > DROP"},
		"cluster":       {"PUT", "/cluster/firewall/options", []string{"enable", "0"}, "cluster-firewall cluster update enable 0 > 1"},
	} {
		before := w.differing()
		tf.send(c.method, c.path, c.params...)
		after := w.differing()
		if len(before) > 0 || len(after) != 1 || after[0] != c.shows {
			t.Errorf("%s: the plan shows %q, want %q; before: %q", name, after, c.shows, before)
		}
		w.expect(0, []string{"1 done"}, "apply", "--yes")
	}
	// Rules of a group and of a guest: one is moved, one is gone, one is new.
	for path, object := range map[string]string{"/cluster/firewall/groups/outbound-internal": "security-group outbound-internal", "/nodes/pve/lxc/175/firewall/rules": "guest-firewall haproxy"} {
		for method, params := range map[string][]string{"PUT": {"moveto", "3"}, "DELETE": nil, "POST": {"type", "in", "action", "DROP", "enable", "1", "proto", "udp", "dport", "9"}} {
			at := path + "/0"
			if method == "POST" {
				at = path
			}
			tf.send(method, at, params...)
			shown := w.differing()
			if len(shown) == 0 || slices.ContainsFunc(shown, func(s string) bool { return !strings.HasPrefix(s, object+" update rule") }) {
				t.Errorf("%s %s: the plan shows %q", method, at, shown)
			}
			w.expect(0, []string{"1 done"}, "apply", "--yes")
		}
	}
	w.expect(0, []string{"Nothing to do: 29 guests"}, "plan")
}

// TestTakeoverSeesWhatDestroys is the other control: a declaration that lacks a guest, has
// another VMID for one, or cannot be had in place, is refused; and where it is allowed by name,
// the test sees the harm.
func TestTakeoverSeesWhatDestroys(t *testing.T) {
	t.Parallel()
	w, _ := takenOver(t)
	w.expect(0, nil, "state", "migrate", "terraform.tfstate")
	w.expect(0, nil, "apply", "--yes")
	w.Sim.ResetJournal()
	declared := w.Read("deployment.json")
	without := func(keys ...string) string {
		var d map[string]any
		testkit.Must(t, json.Unmarshal([]byte(declared), &d))
		for _, key := range keys {
			delete(d["containers"].(map[string]any), key)
		}
		return string(testkit.Try(json.Marshal(d))(t))
	}
	for name, c := range map[string]struct{ declaration, says string }{
		"a guest less":    {without("phpipam"), "--allow-destroy phpipam"},
		"data less":       {without("minio"), "minio"},
		"all but one":     {without("phpipam", "prometheus", "ntfy"), "--allow-destroy ntfy"},
		"another VMID":    {strings.Replace(declared, `"vm_id": 105`, `"vm_id": 115`, 1), "--allow-destroy 105"},
		"another kind":    {strings.Replace(declared, `"unprivileged": true`, `"unprivileged": false`, 1), "cannot be changed in place"},
		"smaller":         {strings.Replace(declared, `"size": "100G", "path": "/opt/minio"`, `"size": "50G", "path": "/opt/minio"`, 1), "disks only grow"},
		"no Splunk":       {strings.Replace(strings.Replace(declared, `"splunk_vm_id": 200`, `"splunk_vm_id": 201`, 1), "splunk-aio", "splunk-new", 1), "200"},
		"another storage": {strings.Replace(declared, `"datastore_id": "local-zfs", "interface": "scsi1"`, `"datastore_id": "local-lvm", "interface": "scsi1"`, 1), "local-lvm"},
	} {
		if c.declaration == declared {
			t.Fatalf("%s: nothing is edited", name)
		}
		w.Write("deployment.json", c.declaration)
		testkit.Holds(t, name, strings.Join(w.differing(), "\n"), " is refused")
		a := w.expect(1, []string{c.says}, "apply", "--yes")
		if writes := w.Sim.Writes(); len(writes) > 0 {
			t.Errorf("%s: written nevertheless: %v\n%s", name, writes, a.out)
		}
	}
	w.Write("deployment.json", without("phpipam"))
	w.expect(0, []string{"1 done"}, "apply", "--yes", "--allow-destroy", "phpipam")
	testkit.Holds(t, "what the test sees", strings.Join(w.harm(), ", "), "POST /nodes/pve/lxc/105/status/shutdown", "DELETE /nodes/pve/lxc/105")
}

// TestImportOfTheTree makes a declaration out of the tree's state alone: it is valid, its plan
// keeps every guest, and what it says of them is what they are.
func TestImportOfTheTree(t *testing.T) {
	t.Parallel()
	w, tf := takenOver(t)
	testkit.Must(t, os.Remove(w.Path("deployment.json")))
	a := w.expect(0, []string{"15 × proxmox_virtual_environment_firewall_rules: not taken over"}, "import", "tfstate", "terraform.tfstate", "-o", "deployment.json")
	testkit.Lacks(t, "what is written", a.out+a.errs+w.Read("deployment.json"), "hunter2")
	w.expect(0, []string{"fine: 26 containers, 3 VMs, 3 pools"}, "validate")
	w.expect(0, nil, "state", "migrate", "terraform.tfstate")
	testkit.Equal(t, "guests that are adopted", strings.Count(w.expect(0, nil, "adopt").out, "adopted "), 29)
	for _, d := range w.differing() {
		if !strings.Contains(d, " update comment ") && d != "vm splunk update protection 0 > 1" {
			t.Errorf("the first plan has: %s", d)
		}
	}
	w.expect(0, nil, "apply", "--yes")
	if harm := w.harm(); len(harm) > 0 {
		t.Errorf("the takeover did: %v", harm)
	}
	w.expect(0, []string{"Nothing to do: 29 guests"}, "plan")
	inventory := tf.inventory()
	inventory["host_services"] = map[string]any{} // they are in no resource
	sameMeaning(t, []byte(w.expect(0, nil, "inventory").out), testkit.Try(json.Marshal(inventory))(t))
}
