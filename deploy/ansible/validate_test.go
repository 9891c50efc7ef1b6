package ansible_test

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"syslog-gateway/internal/testkit"
)

// program is set in the copy of the test that runs in its own network namespace: the
// gateway's file. The five ports are free there.
const program = "ANSIBLE_TEST_GATEWAY"

// TestValidateFollowsALineOfEveryPort runs validate.yml against a real gateway and
// something that answers as Splunk's search does.
func TestValidateFollowsALineOfEveryPort(t *testing.T) {
	if file := os.Getenv(program); file != "" {
		validates(t, file)
		return
	}
	newRig(t)
	testkit.Tool(t, "ip", "iproute2")
	testkit.Tool(t, "logger", "bsdutils")
	file := filepath.Join(t.TempDir(), "gateway")
	build := exec.Command("go", "build", "-trimpath", "-o", file, "syslog-gateway/cmd/gateway")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	testkit.Network(t, program+"="+file)
}

func validates(t *testing.T, file string) {
	if out, err := exec.Command("ip", "link", "set", "lo", "up").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	b := newRig(t)
	gateway := exec.Command(file, "run", "--dev")
	gateway.Dir, gateway.Stderr = b.dir, os.Stderr
	testkit.Must(t, gateway.Start())
	defer func() {
		_ = gateway.Process.Signal(os.Interrupt)
		_ = gateway.Wait()
	}()
	found := 0 // what the first searches find, until the lines are indexed
	splunk := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		if user != "admin" || password != "of Splunk" || !strings.HasPrefix(r.FormValue("search"), "search index=* gatewayvalidate") {
			http.Error(w, "who asks?", http.StatusUnauthorized)
			return
		}
		fmt.Fprintf(w, "{\"preview\":false,\"offset\":0,\"lastrow\":true,\"result\":{\"count\":\"%d\"}}\n", found)
		found += 10
	}))
	defer splunk.Close()
	listening(t, "127.0.0.1:8404")

	out, err := b.validate(t, "of Splunk", splunk.URL, "60")
	if err != nil || !strings.Contains(out, "5 ports received and delivered") || found < 20 {
		t.Errorf("%v, %d lines found in Splunk\n%s", err, found, out)
	}
	// A source that the gateway does not have: found out, and named by the play.
	out, err = b.validate(t, "", splunk.URL, "1", "-e", `{"validate_ports": {"linux": 1517, "mainframe": 1517}}`)
	if err == nil || !strings.Contains(out, "Wait until every source") {
		t.Errorf("a missing source passes (%v):\n%s", err, out)
	}
}

func (b rig) validate(t *testing.T, password, splunk, seconds string, flags ...string) (string, error) {
	t.Helper()
	args := append([]string{"-i", b.inventory, "validate.yml", "-e", "validate_address=127.0.0.1",
		"-e", "validate_seconds=" + seconds, "-e", "validate_splunk=" + splunk, "-e", "ansible_python_interpreter=/usr/bin/python3"}, flags...)
	cmd := exec.CommandContext(t.Context(), "ansible-playbook", args...)
	cmd.Env = append(os.Environ(), "SPLUNK_PASSWORD="+password, "HOME="+b.dir, "ANSIBLE_NOCOLOR=1", "LC_ALL=C.UTF-8")
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// listening waits until a port is open.
func listening(t *testing.T, addr string) {
	t.Helper()
	testkit.Eventually(t, addr+" listens", func() bool {
		c, err := net.Dial("tcp", addr)
		if err == nil {
			c.Close()
		}
		return err == nil
	})
}
