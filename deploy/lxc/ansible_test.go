//go:build lxc

package lxc

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"syslog-gateway/internal/hec/hectest"
	"syslog-gateway/internal/testkit"
)

// TestRoleInAContainer has Debian's Ansible install and configure a container twice,
// and follow a line of every port.
func TestRoleInAContainer(t *testing.T) {
	c := newContainer(t)
	var err error
	if c.transcript, err = os.Create("transcript-ansible.txt"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.transcript.Close() })
	c.host("tar", "-xpf", pythonRootfs(t), "-C", filepath.Join(c.dir, c.name, "rootfs"))
	splunk := hectest.New(hectest.Options{Token: token, Check: hectest.Validate})
	t.Cleanup(splunk.Close)
	c.forward(8088, strings.TrimPrefix(splunk.URL(), "http://"))
	c.start()

	packages := filepath.Join(c.dir, "packages")
	c.host("go", "run", "../packaging", "--root", "../..", "--nfpm", "../../bin/tools/nfpm", "--out", packages,
		"--version", "v1.0.0", "--commit", "test", "--arch", "amd64", "--format", "deb")
	vars := map[string]any{
		"syslog_gateway_package":       filepath.Join(packages, "syslog-gateway_1.0.0-1_amd64.deb"),
		"syslog_gateway_hec_endpoints": []string{"http://" + outside + ":8088"},
		"syslog_gateway_settings":      map[string]any{"queue": map[string]any{"min_free": "100MB"}},
	}
	inventory := c.inventory()

	c.play(inventory, "site.yml", vars, "--check", "--diff")
	if out, err := c.try("test -e /usr/bin/gateway"); err == nil {
		t.Errorf("check mode has installed it %s", out)
	}
	if changed := c.play(inventory, "site.yml", vars); changed == "0" {
		t.Error("the first run changes nothing")
	}
	testkit.Equal(t, "the service", c.active(), "active")
	c.run("systemctl is-enabled syslog-gateway; stat -c '%U:%G %a %n' /etc/syslog-gateway/* ; dpkg-query -W syslog-gateway")
	first := c.mainPID()
	if changed := c.play(inventory, "site.yml", vars); changed != "0" {
		t.Errorf("the second run: changed=%s, want 0", changed)
	}
	c.play(inventory, "validate.yml", nil)

	// Another index is a reload: the process stays. Another port is a restart.
	vars["syslog_gateway_settings"] = map[string]any{"queue": map[string]any{"min_free": "100MB"},
		"sources": map[string]any{"linux": map[string]any{"index": "servers"}}}
	if changed := c.play(inventory, "site.yml", vars); changed == "0" || c.mainPID() != first {
		t.Errorf("another index: changed=%s, process %s was %s", changed, c.mainPID(), first)
	}
	c.run("journalctl -u syslog-gateway --no-pager -o cat -n 3")
	vars["syslog_gateway_settings"] = map[string]any{"queue": map[string]any{"min_free": "100MB"},
		"sources": map[string]any{"linux": map[string]any{"port": 514}}}
	if changed := c.play(inventory, "site.yml", vars); changed == "0" || c.mainPID() == first {
		t.Errorf("another port: changed=%s, the process is still %s", changed, first)
	}
	c.play(inventory, "validate.yml", map[string]any{"validate_ports": map[string]int{"linux": 514, "unifi": 1514}})
	c.run("systemctl stop syslog-gateway")
}

// pythonRootfs is a Debian with Python, made once like the other.
func pythonRootfs(t *testing.T) string {
	t.Helper()
	base := rootfs(t)
	path := strings.TrimSuffix(base, ".tar") + "-python.tar"
	if _, err := os.Stat(path); err == nil {
		return path
	}
	half := path + ".part.tar"
	out, err := exec.Command("mmdebstrap", "--mode=root", "--variant=minbase",
		"--include=systemd,systemd-sysv,dbus,iproute2,procps,ca-certificates,python3,python3-apt", strings.TrimSuffix(filepath.Base(base), ".tar"), half).CombinedOutput()
	if err == nil {
		err = os.Rename(half, path)
	}
	if err != nil {
		t.Fatalf("mmdebstrap: %v\n%s", err, out)
	}
	return path
}

// inventory is the shape of provision's, for this container.
func (c *container) inventory() string {
	c.t.Helper()
	all := map[string]any{"all": map[string]any{
		"vars": map[string]any{"terraform_data": map[string]any{
			"splunk_vm": map[string]any{"splunk": map[string]any{"ip": outside}},
			"constants": map[string]any{
				"service_ports": map[string]int{"haproxy_stats": 8404, "splunk_hec": 8088, "splunk_mgmt": 8089},
				"syslog_ports":  map[string]int{"unifi": 1514, "palo_alto": 1515, "cisco_asa": 1516, "linux": 1517, "windows": 1518},
			},
		}},
		"children": map[string]any{"syslog_gateway_group": map[string]any{"hosts": map[string]any{"gateway": c.variables()}}},
	}}
	text, err := json.Marshal(all)
	c.must(err)
	file := filepath.Join(c.dir, "inventory.yml") // JSON is YAML
	c.must(os.WriteFile(file, text, 0o644))
	return file
}

// variables are how Ansible enters the container.
func (c *container) variables() map[string]any {
	return map[string]any{
		"ansible_connection": "enter", "container_ip": c.address, "ansible_python_interpreter": "/usr/bin/python3",
		"ansible_enter_command": []string{"lxc-attach", "-P", c.dir, "-n", c.name, "--clear-env",
			"--set-var", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "--set-var", "HOME=/root", "--"},
	}
}

var changes = regexp.MustCompile(`(?m)^(\S+) +: ok=.*changed=(\d+) .*unreachable=0 .*failed=0`)

// play runs a playbook from the container's network and returns how much it changed.
func (c *container) play(inventory, playbook string, vars map[string]any, flags ...string) string {
	c.t.Helper()
	return c.playAll(inventory, playbook, vars, flags...)["gateway"]
}

// playAll is play for all hosts: how much it changed on each.
func (c *container) playAll(inventory, playbook string, vars map[string]any, flags ...string) map[string]string {
	c.t.Helper()
	text, err := json.Marshal(vars)
	c.must(err)
	args := append([]string{"--net=/run/netns/" + c.netns, "ansible-playbook", "-i", inventory, "../ansible/" + playbook, "-e", string(text)}, flags...)
	cmd := exec.Command("nsenter", args...)
	plugins, err := filepath.Abs("connection")
	c.must(err)
	cmd.Env = append(os.Environ(), "SPLUNK_HEC_TOKEN="+token, "ANSIBLE_CONNECTION_PLUGINS="+plugins, "ANSIBLE_NOCOLOR=1", "ANSIBLE_PIPELINING=1", "LC_ALL=C.UTF-8", "HOME="+c.dir)
	out, err := cmd.CombinedOutput()
	fmt.Fprintf(c.transcript, "outside$ ansible-playbook %s %s\n%s\n", playbook, strings.Join(flags, " "), out)
	changed := make(map[string]string)
	for _, m := range changes.FindAllSubmatch(out, -1) {
		changed[string(m[1])] = string(m[2])
	}
	if err != nil || len(changed) == 0 {
		c.t.Fatalf("%s: %v\n%s", playbook, err, out)
	}
	if strings.Contains(string(out), token) {
		c.t.Errorf("%s prints the token", playbook)
	}
	return changed
}
