package config

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"
)

const deployDir = "../../deploy"

// gatewayFiles returns every configuration of a gateway below deploy: files that
// have a section of ours, wherever they are.
func gatewayFiles(t *testing.T) []string {
	t.Helper()
	var files []string
	err := filepath.WalkDir(deployDir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !slices.Contains([]string{".yaml", ".yml"}, filepath.Ext(path)) {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		var top map[string]yaml.Node
		if yaml.Unmarshal(data, &top) != nil {
			return nil // a list or a template of something else
		}
		for _, section := range []string{"sources", "hec", "queue"} {
			if node, ok := top[section]; ok && node.Kind == yaml.MappingNode {
				files = append(files, path)
				return nil
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestDeployedConfigurationsLoad(t *testing.T) {
	files := gatewayFiles(t)
	for _, name := range []string{"gateway.yaml", "minimal.yaml", "auto-one-port.yaml", "cluster.yaml"} {
		if !slices.Contains(files, filepath.Join(deployDir, "examples", name)) {
			t.Errorf("%s is not found among %v", name, files)
		}
	}
	for _, file := range files {
		if _, err := Load(file, nil, nil); err != nil {
			t.Error(err)
		}
	}
}

func TestReferenceExampleIsTheDefault(t *testing.T) {
	path := filepath.Join(deployDir, "examples", "gateway.yaml")
	c, err := Load(path, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(normal(c), normal(Default())) {
		t.Errorf("got  %+v\nwant %+v", c, Default())
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := parse(path, data)
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range table() {
		if strings.HasPrefix(k.pattern, "metadata.overrides.") {
			continue // shown in a comment
		}
		names := strings.Split(strings.ReplaceAll(k.pattern, "*", "unifi"), ".")
		if _, depth := doc.where(names); depth != len(names) {
			t.Errorf("%s is missing in %s", k.pattern, path)
		}
	}
}

// setting returns the values of a key in a unit or sysctl file.
func setting(t *testing.T, file, key string) []string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(deployDir, file))
	if err != nil {
		t.Fatal(err)
	}
	var values []string
	for _, m := range regexp.MustCompile(`(?m)^`+regexp.QuoteMeta(key)+`\s*=\s*(.*)$`).FindAllStringSubmatch(string(data), -1) {
		values = append(values, m[1])
	}
	return values
}

const unitFile = "systemd/syslog-gateway.service"

func TestUnitFitsTheProgram(t *testing.T) {
	for key, want := range map[string]string{
		"Type": "notify", "NotifyAccess": "main", "User": "syslog-gateway", "Restart": "on-failure", "LimitNOFILE": "65536",
		"ExecStart": "/usr/bin/gateway run -c /etc/syslog-gateway/gateway.yaml", "ExecReload": "/bin/kill -HUP $MAINPID",
		"StateDirectory": "syslog-gateway", "StateDirectoryMode": "0750", "LoadCredential": credential + ":/etc/syslog-gateway/hec_token",
		"AmbientCapabilities": "CAP_NET_BIND_SERVICE", "CapabilityBoundingSet": "CAP_NET_BIND_SERVICE",
		"ProtectSystem": "strict", "NoNewPrivileges": "yes", "MemoryDenyWriteExecute": "yes", "PrivateTmp": "yes",
	} {
		if got := setting(t, unitFile, key); !slices.Equal(got, []string{want}) {
			t.Errorf("%s=%v, want %s", key, got, want)
		}
	}
	duration := func(key string) time.Duration {
		values := setting(t, unitFile, key)
		if len(values) != 1 {
			t.Fatalf("%s=%v", key, values)
		}
		d, err := time.ParseDuration(strings.Replace(values[0], "min", "m", 1))
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	if d := duration("TimeoutStopSec"); d <= Default().ShutdownTimeout {
		t.Errorf("TimeoutStopSec=%v is not above shutdown_timeout", d)
	}
	if d := duration("RestartSec"); d < 5*time.Second {
		t.Errorf("RestartSec=%v", d)
	}
	if n := setting(t, unitFile, "FileDescriptorStoreMax"); !slices.Equal(n, []string{"4096"}) {
		t.Errorf("FileDescriptorStoreMax=%v: it must hold 63 sources, each with one socket for TCP and 64, the most of loops.udp, for UDP", n)
	}
	if v := setting(t, unitFile, "RestartPreventExitStatus"); len(v) != 0 {
		t.Errorf("RestartPreventExitStatus=%v: the Go runtime ends with 2 after a panic or SIGABRT", v)
	}
	if d := duration("WatchdogSec"); d < 10*time.Second {
		t.Errorf("WatchdogSec=%v", d)
	}
	for _, path := range []string{Default().Queue.Path, Default().DeadLetter.Path} {
		if !strings.HasPrefix(path, "/var/lib/syslog-gateway/") {
			t.Errorf("%s is not below StateDirectory, all else is read-only", path)
		}
	}
}

func TestSysctlCoversTheReceiveBuffer(t *testing.T) {
	got := setting(t, "sysctl.d/60-syslog-gateway.conf", "net.core.rmem_max")
	if len(got) != 1 {
		t.Fatalf("net.core.rmem_max = %v", got)
	}
	if size, err := ParseSize(got[0]); err != nil || size != Default().Sources["linux"].ReceiveBuffer {
		t.Errorf("net.core.rmem_max = %v, %v; the default of receive_buffer is %s", got, err, Default().Sources["linux"].ReceiveBuffer)
	}
}

// TestUnitInSystemdsEyes asks systemd-analyze: verify has to be silent (its exit code
// is 0 for unknown keys), and the exposure small.
func TestUnitInSystemdsEyes(t *testing.T) {
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Fatal("systemd-analyze is not on this machine: install Debian's package systemd, or run .ci/tools")
	}
	for unit, program := range map[string]string{unitFile: "usr/bin/gateway", "systemd/syslog-gateway-queue.service": "usr/bin/syslog-gateway-queue"} {
		name := filepath.Base(unit)
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			units := filepath.Join(root, "etc/systemd/system")
			for _, dir := range []string{units, filepath.Join(root, "usr/bin"), filepath.Join(root, "bin")} {
				if err := os.MkdirAll(dir, 0o755); err != nil {
					t.Fatal(err)
				}
			}
			for _, program := range []string{program, "bin/kill"} {
				if err := os.WriteFile(filepath.Join(root, program), []byte("#!/bin/sh\n"), 0o755); err != nil {
					t.Fatal(err)
				}
			}
			for _, unit := range []string{"sysinit.target", "basic.target", "shutdown.target", "network-online.target", "time-sync.target", "system.slice"} {
				write(t, filepath.Join(units, unit), "[Unit]\nDescription=stands in for "+unit+"\n")
			}
			data, err := os.ReadFile(filepath.Join(deployDir, unit))
			if err != nil {
				t.Fatal(err)
			}
			write(t, filepath.Join(units, name), string(data))

			if out, err := exec.Command(analyze, "verify", "--root="+root, name).CombinedOutput(); err != nil || len(out) != 0 {
				t.Errorf("verify: %v\n%s", err, out)
			}
			out, err := exec.Command(analyze, "security", "--offline=true", "--threshold=15", "--root="+root, "--no-pager", name).CombinedOutput()
			if err != nil {
				t.Errorf("security: %v\n%s", err, out)
			}
		})
	}
}
