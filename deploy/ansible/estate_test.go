package ansible_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"go.yaml.in/yaml/v3"

	"syslog-gateway/internal/infra/declaration"
	"syslog-gateway/internal/infra/inventory"
	"syslog-gateway/internal/testkit"
)

// estate is a declaration with a guest for every play of site.yml.
const estate = `{
  "proxmox_node": "pve", "domain": "lab.example", "network_prefix": "10.20.30", "environment": "lab",
  "ssh_public_key": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAICZUzpX4Slhk8yygcPvyLScXJ4ZloIvSNbIxGixHH4fC admin@example",
  "containers": {
    "technitium-dns": {"vm_id": 103, "hostname": "technitium-dns", "tags": ["dns"], "root_disk": {"size": 8}},
    "pi-hole": {"vm_id": 104, "hostname": "pi-hole", "tags": ["dns"], "root_disk": {"size": 8}},
    "apt-cacher-ng": {"vm_id": 106, "hostname": "apt-cacher-ng", "tags": ["apt-cache"], "root_disk": {"size": 16}},
    "syslog-gateway-01": {"vm_id": 175, "hostname": "syslog-gateway-01", "tags": ["syslog-gateway", "keepalived", "syslog-gateway-queue"], "root_disk": {"size": 8}},
    "syslog-gateway-02": {"vm_id": 176, "hostname": "syslog-gateway-02", "tags": ["syslog-gateway", "keepalived", "syslog-gateway-queue"], "root_disk": {"size": 8}},
    "queue-03": {"vm_id": 177, "hostname": "queue-03", "tags": ["syslog-gateway-queue"], "root_disk": {"size": 8}}
  },
  "splunk_vm_id": 200, "template_id": 9200
}`

// estateInventory is what provision writes for the estate, with each host being a process here.
func estateInventory(t *testing.T, dir string) (file string, groups map[string]any) {
	t.Helper()
	deployment := filepath.Join(dir, "deployment.json")
	testkit.Must(t, os.WriteFile(deployment, []byte(estate), 0o644))
	e := testkit.Try(declaration.Load(t.Context(), declaration.Options{Deployment: deployment}))(t)
	text := testkit.Try(testkit.Try(inventory.Build(e))(t).AnsibleJSON(inventory.AnsibleOptions{}))(t)
	var doc struct {
		All struct {
			Children map[string]any
		}
	}
	testkit.Must(t, json.Unmarshal(text, &doc))
	connection := regexp.MustCompile(`"ansible_connection":"[a-z_.]+"(,"ansible_host")`)
	local := connection.ReplaceAllString(string(text), `"ansible_connection":"local"$1`)
	if local == string(text) {
		t.Fatalf("the inventory has no connection to replace:\n%s", text)
	}
	file = filepath.Join(dir, "inventory.yml")
	testkit.Must(t, os.WriteFile(file, []byte(local), 0o644))
	return file, doc.All.Children
}

// ansible runs one of Ansible's programs with variables; env comes on top of the test's.
func ansible(t *testing.T, dir string, env []string, program string, vars map[string]any, args ...string) (string, error) {
	t.Helper()
	vars["ansible_python_interpreter"] = "/usr/bin/python3"
	text := testkit.Try(json.Marshal(vars))(t)
	cmd := exec.CommandContext(t.Context(), testkit.Tool(t, program, "ansible-core"), append(args, "-e", string(text))...)
	cmd.Env = append(append(os.Environ(), "HOME="+dir, "ANSIBLE_NOCOLOR=1", "ANSIBLE_LOCALHOST_WARNING=0", "LC_ALL=C.UTF-8", "ANSIBLE_PIPELINING=1"), env...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// TestGroupsAreThoseOfTheInventory: a play for a group that no inventory has would never run.
func TestGroupsAreThoseOfTheInventory(t *testing.T) {
	_, groups := estateInventory(t, t.TempDir())
	var plays []struct{ Hosts string }
	testkit.Must(t, yaml.Unmarshal(testkit.Try(os.ReadFile("site.yml"))(t), &plays))
	if len(plays) < 9 {
		t.Errorf("site.yml has %d plays", len(plays))
	}
	for _, p := range plays {
		for name := range strings.SplitSeq(p.Hosts, ":") {
			name = strings.TrimPrefix(name, "!")
			if _, ok := groups[name]; !ok && name != "proxmox_nodes" { // site.yml makes that one itself
				t.Errorf("no inventory of the estate has the group %q", name)
			}
		}
	}
}

// TestEveryVariableIsDescribed compares the defaults of each role with its arguments.
func TestEveryVariableIsDescribed(t *testing.T) {
	roles := testkit.Try(filepath.Glob("roles/*/defaults/main.yml"))(t)
	if len(roles) < 7 {
		t.Errorf("only %d roles have defaults", len(roles))
	}
	for _, file := range roles {
		role := filepath.Dir(filepath.Dir(file))
		var defaults map[string]any
		testkit.Must(t, yaml.Unmarshal(testkit.Try(os.ReadFile(file))(t), &defaults))
		var specs struct {
			Specs map[string]struct {
				Options map[string]any
			} `yaml:"argument_specs"`
		}
		testkit.Must(t, yaml.Unmarshal(testkit.Try(os.ReadFile(filepath.Join(role, "meta/argument_specs.yml")))(t), &specs))
		described := specs.Specs["main"].Options
		for name := range defaults {
			if _, ok := described[name]; !ok {
				t.Errorf("%s: %s is not described", role, name)
			}
			delete(described, name)
		}
		for name := range described {
			t.Errorf("%s: %s has no default", role, name)
		}
	}
}

// technitium answers as the API of Technitium DNS does: https://github.com/TechnitiumSoftware/DnsServer/blob/master/APIDOCS.md
type technitium struct {
	mu      sync.Mutex
	zone    string
	records map[string]string
	writes  int
}

func (d *technitium) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	defer d.mu.Unlock()
	answer := map[string]any{"status": "ok", "response": map[string]any{}}
	fails := func(text string) { answer = map[string]any{"status": "error", "errorMessage": text} }
	switch {
	case r.PostFormValue("token") != "token of the test":
		answer = map[string]any{"status": "invalid-token", "errorMessage": "Invalid token or session expired."}
	case r.URL.Path == "/api/zones/create" && r.PostFormValue("type") == "Primary":
		d.writes++
		d.zone = r.PostFormValue("zone")
	case r.PostFormValue("zone") != d.zone:
		fails("No such zone was found: " + r.PostFormValue("zone"))
	case r.URL.Path == "/api/zones/records/get" && r.PostFormValue("listZone") == "true":
		all := []any{map[string]any{"name": d.zone, "type": "NS", "rData": map[string]string{"nameServer": "ns"}}}
		for name, address := range d.records {
			all = append(all, map[string]any{"name": name, "type": "A", "rData": map[string]string{"ipAddress": address}})
		}
		answer["response"] = map[string]any{"records": all}
	case r.URL.Path == "/api/zones/records/add" && r.PostFormValue("type") == "A":
		d.writes++
		d.records[r.PostFormValue("domain")] = r.PostFormValue("ipAddress")
	default:
		fails("no such call: " + r.URL.Path)
	}
	text, err := json.Marshal(answer)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	_, _ = w.Write(text)
}

// TestSiteForeseesTheWholeEstate runs all plays in check mode, as if each guest were this machine. One
// of a kind is enough.
func TestSiteForeseesTheWholeEstate(t *testing.T) {
	dir := t.TempDir()
	file, _ := estateInventory(t, dir)
	dns := &technitium{records: map[string]string{}}
	server := httptest.NewServer(dns)
	defer server.Close()
	secrets := []string{"SPLUNK_HEC_TOKEN=secret-token", "SPLUNK_PASSWORD=secret-password",
		"TECHNITIUM_DNS_API_TOKEN=token of the test", "SPLUNK_GENERAL_TERMS=--accept-sgt-current-at-splunk-com"}
	vars := map[string]any{"keepalived_address": "10.20.30.10/24", "technitium_dns_url": server.URL, "technitium_dns_installer": server.URL + "/install.sh"}
	site := func(terms, tags string) (string, error) {
		return ansible(t, dir, slices.Concat(secrets, []string{terms}), "ansible-playbook", vars,
			"-i", file, "site.yml", "--check", "--diff", "--tags", tags, "--limit", "!syslog-gateway-02:!pi-hole")
	}
	out, err := site("", "all,splunk,dns")
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, host := range []string{"technitium-dns", "apt-cacher-ng", "syslog-gateway-01", "queue-03", "splunk"} {
		if !regexp.MustCompile(`(?m)^` + host + ` +: ok=[1-9].* failed=0`).MatchString(out) {
			t.Errorf("nothing is foreseen for %s:\n%s", host, out)
		}
	}
	testkit.Holds(t, "what is foreseen", out,
		"Acquire::http::Proxy-Auto-Detect", "unicast_src_ip 10.20.30.175", "10.20.30.10/24 dev eth0", "vendor: palo_alto", "device: /opt/splunk/var",
		`"apt-cacher-ng.lab.example": "10.20.30.106"`, `"splunk-vm.lab.example": "10.20.30.200"`)
	testkit.Lacks(t, "what is foreseen", out, "secret-token", "secret-password", "token of the test")
	if _, err := os.Stat(filepath.Join(dir, "cluster")); err == nil || dns.writes > 0 {
		t.Errorf("check mode has made a cluster's files, or %d records", dns.writes)
	}
	// Who has not read the terms gets one sentence.
	if out, err := site("SPLUNK_GENERAL_TERMS=", "splunk"); err == nil || !strings.Contains(out, "if you accept Splunk's General Terms") {
		t.Errorf("without an answer to the terms: %v\n%s", err, out)
	}
}

// TestRecordsAreWrittenOnce against a double of the API.
func TestRecordsAreWrittenOnce(t *testing.T) {
	dir := t.TempDir()
	file, _ := estateInventory(t, dir)
	dns := &technitium{records: map[string]string{"queue-03.lab.example": "10.20.30.99", "printer.lab.example": "10.20.30.9"}}
	server := httptest.NewServer(dns)
	defer server.Close()
	play := func(token string) (string, error) {
		return ansible(t, dir, []string{"TECHNITIUM_DNS_API_TOKEN=" + token}, "ansible-playbook",
			map[string]any{"technitium_dns_url": server.URL, "technitium_dns_installer": "", "technitium_dns_more": map[string]string{"vip": "10.20.30.10"}},
			"-i", file, "site.yml", "--tags", "dns")
	}
	if out, err := play("token of the test"); err != nil || !strings.Contains(out, "changed=2") { // the zone, the records
		t.Fatalf("%v\n%s", err, out)
	}
	want := map[string]string{"printer": "9", "vip": "10", "technitium-dns": "103", "pi-hole": "104", "apt-cacher-ng": "106",
		"syslog-gateway-01": "175", "syslog-gateway-02": "176", "queue-03": "177", "splunk-vm": "200"}
	for name, last := range want {
		testkit.Equal(t, name, dns.records[name+".lab.example"], "10.20.30."+last)
	}
	testkit.Equal(t, "records", len(dns.records), len(want))
	writes := dns.writes
	if out, err := play("token of the test"); err != nil || !strings.Contains(out, "changed=0") || dns.writes != writes {
		t.Errorf("the second run writes %d times: %v\n%s", dns.writes-writes, err, out)
	}
	if out, err := play("another"); err == nil || !strings.Contains(out, "Technitium answers: invalid-token") {
		t.Errorf("a wrong token: %v\n%s", err, out)
	}
}

// TestKeepalivedIsTheMeasuredOne renders the role's template: it says the same as deploy/keepalived,
// which the failover was measured with, and keepalived itself accepts it.
func TestKeepalivedIsTheMeasuredOne(t *testing.T) {
	dir := t.TempDir()
	testkit.Tool(t, "keepalived", "keepalived")
	testkit.Tool(t, "ip", "iproute2")
	same := filepath.Join(dir, "keepalived.conf")
	out, err := ansible(t, dir, nil, "ansible", map[string]any{
		"keepalived_address": "192.0.2.10/24", "keepalived_own_address": "192.0.2.11", "keepalived_peers": []string{"192.0.2.12"},
		"keepalived_interface": "eth0", "keepalived_router_id": 51, "keepalived_ready": "http://127.0.0.1:8404/readyz",
	}, "localhost", "-i", "localhost,", "-c", "local", "-m", "ansible.builtin.template",
		"-a", "src=roles/keepalived/templates/keepalived.conf.j2 dest="+same)
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	settings := func(file string) (all []string) {
		for line := range strings.Lines(string(testkit.Try(os.ReadFile(file))(t))) {
			line, _, _ = strings.Cut(line, "#")
			if line = strings.Join(strings.Fields(line), " "); line != "" {
				all = append(all, line)
			}
		}
		return all
	}
	got, want := settings(same), settings("../keepalived/keepalived.conf")
	if !slices.Equal(got, want) {
		t.Errorf("the template says\n%s\ndeploy/keepalived says\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	accepts := func(file string) (string, error) { // in a network of its own, which has eth0
		out, err := exec.Command("unshare", "-n", "sh", "-c", "ip link add eth0 type bridge && keepalived -t -f "+file).CombinedOutput()
		return string(out), err
	}
	if out, err := accepts(same); err != nil {
		t.Errorf("keepalived refuses it: %v\n%s", err, out)
	}
	broken := filepath.Join(dir, "broken")
	testkit.Must(t, os.WriteFile(broken, []byte(strings.Replace(string(testkit.Try(os.ReadFile(same))(t)), "priority", "priorty", 1)), 0o644))
	if out, err := accepts(broken); err == nil {
		t.Errorf("keepalived accepts anything:\n%s", out)
	}
}

// TestNodeIsSetOnce runs the node's part against a folder, with programs that only write down their calls.
func TestNodeIsSetOnce(t *testing.T) {
	b := newRig(t)
	b.file(t, "bin/sysctl", "#!/bin/sh\necho \"sysctl $*\" >> "+b.dir+"/calls\n", 0o755)
	b.file(t, "bin/systemctl", "#!/bin/sh\ncase \"$*\" in\n*is-enabled*) echo disabled; exit 1 ;;\n"+
		"*show*) printf 'LoadState=loaded\\nActiveState=inactive\\nUnitFileState=disabled\\n' ;;\n"+
		"*) echo \"systemctl $*\" >> "+b.dir+"/calls ;;\nesac\n", 0o755)
	nodes := b.file(t, "nodes.yml", "proxmox_nodes: {hosts: {pve: {ansible_connection: local}}}\n", 0o644)
	play := func(firewall bool) (out, calls string) {
		t.Helper()
		out, err := ansible(t, b.dir, []string{"PATH=" + b.dir + "/bin:" + os.Getenv("PATH")}, "ansible-playbook",
			map[string]any{"proxmox_node_sysctl": b.dir + "/60-syslog-gateway.conf", "proxmox_node_firewall": firewall}, "-i", nodes, "site.yml")
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		text, _ := os.ReadFile(b.dir + "/calls") // not there: nothing was called
		_ = os.Remove(b.dir + "/calls")
		return out, string(text)
	}
	_, calls := play(false)
	testkit.Equal(t, "calls", calls, fmt.Sprintf("sysctl --load %s/60-syslog-gateway.conf\n", b.dir))
	testkit.Equal(t, "the file", string(testkit.Try(os.ReadFile(b.dir+"/60-syslog-gateway.conf"))(t)),
		string(testkit.Try(os.ReadFile("../sysctl.d/60-syslog-gateway.conf"))(t)))
	out, calls := play(false)
	testkit.Holds(t, "the second run", out, "changed=0")
	testkit.Equal(t, "calls of the second run", calls, "")
	_, calls = play(true)
	testkit.Holds(t, "calls", calls, "enable pve-firewall.service", "start pve-firewall.service")
}
