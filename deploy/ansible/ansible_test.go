package ansible_test

import (
	"bufio"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"syslog-gateway/internal/testkit"
)

// rig is a host for the role that is a folder: the program and systemctl in it only
// write down how they were called.
type rig struct {
	dir, inventory string
	cluster        string // folder with the files of a cluster, or none
}

func newRig(t *testing.T) rig {
	t.Helper()
	testkit.Tool(t, "ansible-playbook", "ansible-core")
	b := rig{dir: t.TempDir()}
	b.file(t, "bin/gateway", "#!/bin/sh\necho \"gateway $*\" >> "+b.dir+"/calls\n"+
		"[ \"$SPLUNK_HEC_TOKEN\" = secret-of-the-test ] && grep -q 'port: ' \"$3\"\n", 0o755)
	b.file(t, "bin/systemctl", "#!/bin/sh\ncase \"$*\" in\n"+
		"cat*) exit 0 ;;\n*show*) printf 'LoadState=loaded\\nActiveState=active\\nUnitFileState=enabled\\n' ;;\n"+
		"*is-enabled*) echo enabled ;;\n*) echo \"systemctl $*\" >> "+b.dir+"/calls ;;\nesac\n", 0o755)
	text := testkit.Try(os.ReadFile("inventory/example.yml"))(t)
	local := strings.Replace(string(text), "          ansible_connection: community.proxmox.proxmox_pct_remote", "          ansible_connection: local", 1)
	if local == string(text) {
		t.Fatal("inventory/example.yml has no connection to replace")
	}
	b.file(t, "own.yaml", "{format: 1, pack: own, match: {program: own}, sourcetype: own, role: main}\n", 0o644)
	b.inventory = b.file(t, "inventory.yml", local, 0o644)
	return b
}

func (b rig) file(t *testing.T, name, text string, mode os.FileMode) string {
	t.Helper()
	file := filepath.Join(b.dir, name)
	testkit.Must(t, os.MkdirAll(filepath.Dir(file), 0o755))
	testkit.Must(t, os.WriteFile(file, []byte(text), mode))
	return file
}

var recap = regexp.MustCompile(`syslog-gateway-01 .*changed=(\d+) .*failed=(\d+)`)

// play runs site.yml and returns how much it changed and whom it called since.
func (b rig) play(t *testing.T, settings map[string]any, flags ...string) (changed string, calls []string) {
	t.Helper()
	out, err := b.run(t, settings, "secret-of-the-test", flags...)
	if err != nil {
		t.Fatalf("ansible-playbook: %v\n%s", err, out)
	}
	testkit.Lacks(t, "the token is in the output", out, "secret-of-the-test")
	m := recap.FindStringSubmatch(out)
	if m == nil {
		t.Fatalf("no recap:\n%s", out)
	}
	text, _ := os.ReadFile(filepath.Join(b.dir, "calls")) // not there: nothing was called
	_ = os.Remove(filepath.Join(b.dir, "calls"))
	return m[1], strings.Split(strings.TrimSpace(string(text)), "\n")
}

func (b rig) run(t *testing.T, settings map[string]any, token string, flags ...string) (string, error) {
	t.Helper()
	vars, err := json.Marshal(map[string]any{
		"syslog_gateway_settings":         settings,
		"syslog_gateway_packs":            []string{b.dir + "/own.yaml"},
		"syslog_gateway_config_dir":       b.dir + "/etc",
		"syslog_gateway_environment_file": b.dir + "/default",
		"syslog_gateway_environment":      map[string]string{"GATEWAY_STATS__PASSWORD": "hidden"},
		"syslog_gateway_group":            "root",
		"syslog_gateway_cluster":          b.cluster,
		"ansible_python_interpreter":      "/usr/bin/python3",
	})
	testkit.Must(t, err)
	args := append([]string{"-i", b.inventory, "site.yml", "-e", string(vars), "--diff"}, flags...)
	cmd := exec.CommandContext(t.Context(), "ansible-playbook", args...)
	cmd.Env = append(os.Environ(), "PATH="+b.dir+"/bin:"+os.Getenv("PATH"), "SPLUNK_HEC_TOKEN="+token,
		"HOME="+b.dir, "ANSIBLE_NOCOLOR=1", "ANSIBLE_GATHERING=explicit", "ANSIBLE_LOCALHOST_WARNING=0", "LC_ALL=C.UTF-8")
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func TestRoleConfiguresOnceAndReloadsRatherThanRestarts(t *testing.T) {
	b := newRig(t)
	settings := map[string]any{"queue": map[string]any{"max_size": "50GB"}}

	if changed, _ := b.play(t, settings, "--check"); changed == "0" {
		t.Error("check mode on a fresh host foresees no change")
	}
	if _, err := os.Stat(b.dir + "/etc"); err == nil {
		t.Error("check mode has changed the host")
	}
	changed, calls := b.play(t, settings)
	if changed == "0" || !slices.Contains(calls, "systemctl restart syslog-gateway.service") {
		t.Errorf("first run: changed=%s, calls %q", changed, calls)
	}
	b.configured(t)
	if changed, calls := b.play(t, settings); changed != "0" || calls[0] != "" {
		t.Errorf("second run: changed=%s, calls %q; want nothing", changed, calls)
	}
	// hec.endpoints of the inventory, a source's index: both reload.
	settings["sources"] = map[string]any{"linux": map[string]any{"index": "servers"}}
	if _, calls := b.play(t, settings); !slices.Contains(calls, "systemctl reload syslog-gateway.service") ||
		slices.Contains(calls, "systemctl restart syslog-gateway.service") {
		t.Errorf("another index: calls %q, want a reload alone", calls)
	}
	settings["sources"] = map[string]any{"linux": map[string]any{"index": "servers", "port": 2517}}
	if _, calls := b.play(t, settings); !slices.Contains(calls, "systemctl restart syslog-gateway.service") {
		t.Errorf("another port: calls %q, want a restart", calls)
	}
}

// configured checks the files of the first run.
func (b rig) configured(t *testing.T) {
	t.Helper()
	for name, want := range map[string]struct {
		mode os.FileMode
		text []string
	}{
		"etc/gateway.yaml":   {0o640, []string{"port: 1514", "vendor: palo_alto", "index: firewall", "https://198.51.100.200:8088", "listen: :8404", "max_size: 50GB"}},
		"etc/packs/own.yaml": {0o644, []string{"pack: own"}},
		"etc/hec_token":      {0o600, []string{"secret-of-the-test\n"}},
		"default":            {0o600, []string{"GATEWAY_STATS__PASSWORD=hidden\n"}},
	} {
		info := testkit.Try(os.Stat(filepath.Join(b.dir, name)))(t)
		text := testkit.Try(os.ReadFile(filepath.Join(b.dir, name)))(t)
		if info.Mode().Perm() != want.mode {
			t.Errorf("%s has mode %o, want %o", name, info.Mode().Perm(), want.mode)
		}
		for _, part := range want.text {
			if !strings.Contains(string(text), part) {
				t.Errorf("%s lacks %q:\n%s", name, part, text)
			}
		}
		if name == "etc/gateway.yaml" && strings.Contains(string(text), "secret-of-the-test") {
			t.Errorf("the token is in %s", name)
		}
	}
}

// TestGatewayJoinsACluster: what syslog-gateway-queue init has made comes to the host, and the settings win.
func TestGatewayJoinsACluster(t *testing.T) {
	b := newRig(t)
	b.cluster = b.dir + "/cluster"
	if out, err := b.run(t, nil, "secret-of-the-test"); err == nil || !strings.Contains(out, "queue.yaml") {
		t.Errorf("a gateway of a cluster gets a queue of its own: %v\n%s", err, out)
	}
	for name, text := range map[string]string{"ca.pem": "ca", "client.pem": "certificate", "client.key": "key",
		"queue.yaml": "queue: {kind: jetstream, jetstream: {gateway_id: syslog-gateway-01, max_size: 400GB}}\n"} {
		b.file(t, "cluster/gateway-syslog-gateway-01/"+name, text, 0o600)
	}
	settings := map[string]any{"queue": map[string]any{"jetstream": map[string]any{"max_size": "80GB"}}}
	b.play(t, settings)
	text := string(testkit.Try(os.ReadFile(b.dir + "/etc/gateway.yaml"))(t))
	testkit.Holds(t, "gateway.yaml", text, "kind: jetstream", "gateway_id: syslog-gateway-01", "max_size: 80GB")
	for name, mode := range map[string]os.FileMode{"ca.pem": 0o644, "client.pem": 0o644, "client.key": 0o640} {
		testkit.Equal(t, name, testkit.Try(os.Stat(b.dir+"/etc/queue/"+name))(t).Mode().Perm(), mode)
	}
	if changed, calls := b.play(t, settings); changed != "0" || calls[0] != "" {
		t.Errorf("second run: changed=%s, calls %q; want nothing", changed, calls)
	}
}

func TestNoTokenIsSaidAtOnce(t *testing.T) {
	b := newRig(t)
	out, err := b.run(t, nil, "", "--check")
	if err == nil || !strings.Contains(out, "set SPLUNK_HEC_TOKEN on the controller") {
		t.Errorf("without a token the play ends with %v:\n%s", err, out)
	}
}

// TestReloadedKeys compares the filter's table with the reference of the configuration.
func TestReloadedKeys(t *testing.T) {
	filter := testkit.Try(os.ReadFile("roles/syslog_gateway/filter_plugins/syslog_gateway.py"))(t)
	table := regexp.MustCompile(`(?s)RELOADED = \((.*?)\n\)`).FindSubmatch(filter)
	var reloaded []string
	for _, m := range regexp.MustCompile(`"([^"]+)"`).FindAllSubmatch(table[1], -1) {
		reloaded = append(reloaded, string(m[1]))
	}
	file := testkit.Try(os.Open("../../docs/configuration.md"))(t)
	defer file.Close()
	row := regexp.MustCompile("^\\| `([a-z_.A-Z]+)`.*\\| (yes|restart) \\|$")
	rows := 0
	for lines := bufio.NewScanner(file); lines.Scan(); {
		m := row.FindStringSubmatch(lines.Text())
		if m == nil {
			continue
		}
		rows++
		live := slices.ContainsFunc(reloaded, func(r string) bool { return m[1] == r || strings.HasPrefix(m[1], r+".") })
		if live != (m[2] == "yes") {
			t.Errorf("%s: docs/configuration.md says %s, the filter says reload=%v", m[1], m[2], live)
		}
	}
	if rows < 40 {
		t.Errorf("only %d keys found in docs/configuration.md", rows)
	}
}
