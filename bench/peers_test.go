//go:build nightly

package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"syslog-gateway/bench/runner"
)

// TestPeers: the configurations of the peers from Debian's packages are right for one port
// and for five, and they alternate with the gateway. (The OpenTelemetry Collector takes minutes to build.)
func TestPeers(t *testing.T) {
	file := filepath.Join(t.TempDir(), "runs.json")
	code, stdout, stderr := bench(t.Context(), "run", "--scenario=peers-tcp,peers-tcp-five", "--peers=haproxy,rsyslog,syslog-ng", "--messages=2000",
		"--gateway="+os.Args[0], "--dir="+t.TempDir(), "--json="+file, "--quiet=3s", "--repeat=1")
	if code != 0 {
		t.Fatalf("exit code %d\n%s\n%s", code, stdout, stderr)
	}
	data, err := os.ReadFile(file)
	var rep runner.Report
	if err != nil || json.Unmarshal(data, &rep) != nil {
		t.Fatalf("the report: %v", err)
	}
	for _, p := range rep.Peers {
		if p.Missing != "" {
			t.Errorf("peer %s: %s (apt-get update gives apt-get the list of packages)", p.Name, p.Missing)
		}
	}
	for i, r := range rep.Runs {
		if want := []string{"gateway", "haproxy", "rsyslog", "syslog-ng"}[i%4]; r.Subject != want {
			t.Errorf("run %d is of %s, want %s", i, r.Subject, want)
		}
		// What a peer loses at the end of a connection is not for this test to judge.
		if r.Through < 1900 || r.Through < 2000 && r.Subject == "gateway" || r.RSSHigh == 0 {
			t.Errorf("%s: %d of 2000 came through: %v", r.Subject, r.Through, r.Problems)
		}
	}
}
