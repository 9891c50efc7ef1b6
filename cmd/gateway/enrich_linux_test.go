package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"syslog-gateway/internal/testkit"
)

func TestEnrichmentIsValidated(t *testing.T) {
	t.Parallel()
	s := newSite(t, "")
	good := s.read()
	hosts := filepath.Join(s.dir, "hosts.csv")
	testkit.Must(t, os.WriteFile(hosts, []byte("192.0.2.7,a\nfoo\n"), 0o600))
	f := func(yaml string, wants ...string) {
		t.Helper()
		s.write(good + yaml)
		for _, verb := range [][]string{{"check", "-c", s.file}, {"parse", "--source", "linux", "-c", s.file}, {"run", "-c", s.file}} {
			_, errs, code := s.gateway("", verb...)
			if code != 1 {
				t.Errorf("%s: %q: exit %d", yaml, verb[0], code)
			}
			for _, want := range wants {
				if !strings.Contains(errs, want) {
					t.Errorf("%s: %q: %q is not in %q", yaml, verb[0], want, errs)
				}
			}
		}
	}
	f("metadata: {drop: [pan_trafic]}\n", "metadata.drop", "pan_trafic", "pan_traffic")
	f("metadata: {sample: {unifi_wireles: 2}}\n", "metadata.sample", "unifi_wireless")
	f("metadata: {sample: {pan_traffic: 1}}\n", "metadata.sample", "2 to 1000000")
	f("metadata: {hosts_file: "+hosts+"}\n", "metadata.hosts_file", hosts, "line 2", "address,name")
	f("metadata: {hosts_file: "+s.dir+"/none.csv}\n", "metadata.hosts_file", "none.csv")
}

// TestEnrichment drops, samples and names by sender in a running gateway; SIGHUP
// takes a changed hosts file, and refuses a broken one.
func TestEnrichment(t *testing.T) {
	t.Parallel()
	s := newSite(t, "")
	hosts := filepath.Join(s.dir, "hosts.csv")
	writeHosts := func(text string) {
		t.Helper()
		testkit.Must(t, os.WriteFile(hosts, []byte(text), 0o600))
	}
	writeHosts("127.0.0.1,first\n")
	s.write(strings.Replace(s.read(), "linux: {", "linux: {fields: {site: berlin}, ", 1) +
		"metadata: {drop: [cisco_asa], sample: {linux_secure: 2}, hosts_file: " + hosts + "}\n")
	p := s.start()
	reload := func(result string, n float64) {
		t.Helper()
		_ = p.cmd.Process.Signal(syscall.SIGHUP)
		testkit.Eventually(t, "the reload is counted", func() bool {
			return s.metrics().Sum("gateway_config_reloads_total", `result="`+result+`"`) == n
		})
	}
	c := s.dial("tcp", "linux")
	fmt.Fprintf(c, "%s\n%s\n%s\n<13>one of nobody\n", line("cisco_asa", ""), line("linux", "mark=kept "), line("linux", "mark=gone "))
	s.waitEvents(2)
	writeHosts("127.0.0.1,second\n")
	reload("success", 1)
	fmt.Fprint(c, "<13>two of nobody\n")
	s.waitEvents(3)
	writeHosts("127.0.0.1;third\n")
	reload("failure", 1)
	fmt.Fprint(c, "<13>three of nobody\n")
	s.waitEvents(4)

	var got []string
	for _, l := range s.sink.lines {
		var e struct {
			Host   string
			Fields map[string]string
		}
		testkit.Must(t, json.Unmarshal([]byte(l), &e))
		if e.Fields["site"] != "berlin" {
			t.Errorf("no field site in %s", l)
		}
		if e.Fields["class"] == "fallback" {
			got = append(got, e.Host)
		} else if e.Fields["sample_rate"] != "2" || !strings.Contains(l, "mark=kept") {
			t.Errorf("not the kept event of a sampled class: %s", l)
		}
	}
	if !slices.Equal(got, []string{"first", "second", "second"}) {
		t.Errorf("hosts %v", got)
	}
	if n := s.metrics().Sum("gateway_dropped_events_total", `source="linux"`, `reason="rule"`); n != 2 {
		t.Errorf("%v are counted as dropped by rule, want 2", n)
	}
	testkit.Holds(t, "the log does not name the wrong line", p.log.String(), "line 1")
	s.assertBalance()
	p.stop()
}

func TestParseExplains(t *testing.T) {
	t.Parallel()
	s := newSite(t, "metadata: {drop: [cisco_asa]}\n")
	in := strings.Join([]string{
		"<14>Nov 22 16:59:59 PA-220 1,2026/11/22 17:00:00,0128,SYSTEM,general,0,2026/11/22 16:59:58,,general,,0,0,general,informational,\"x\",1,0x0",
		"<13>Jan  1 00:00:00 1970 h app[1]: booted",
		"who knows",
		"  ",
		"<166>Nov 22 2026 17:00:00 fw1 : %ASA-6-302013: Built",
		"CEF:0|Ubiquiti|UniFi OS|1",
		"<14>Nov 22 17:00:00 gw CEF: 0|Ubiquiti|UniFi OS|5|1005|Changed|2|msg=x",
	}, "\n") + "\n"
	args := []string{"parse", "-c", s.file, "--source", "linux", "--framing", "lf", "--received-at", "2026-11-22T17:00:01Z", "--sender", "192.0.2.7"}
	plain, errs, code := s.gateway(in, args...)
	if code != 0 || errs != "" {
		t.Fatalf("exit %d: %s", code, errs)
	}
	out, errs, code := s.gateway(in, append(args, "--explain")...)
	if code != 0 || out != plain {
		t.Errorf("exit %d; stdout with --explain\n%s\nand without\n%s", code, out, plain)
	}
	want := []string{
		`# 1: header bsd; class pan_system by column; host "PA-220" by header; time 2026-11-22T16:59:58Z by column`,
		`# 2: header bsd; class linux_syslog by port; host "h" by header; time 2026-11-22T17:00:01Z of receipt; not understood: a time too far off, 1970-01-01T00:00:00Z`,
		`# 3: header bare without PRI; class fallback by nothing; host "192.0.2.7" by the sender's address; time 2026-11-22T17:00:01Z of receipt; not understood: no rule knows this message, no time, no host`,
		`# 4: dropped: nothing but blanks`,
		`# 5: header bsd; class cisco_asa by message id; host "fw1" by header; time 2026-11-22T17:00:00Z by header; dropped: by metadata.drop or metadata.sample`,
		`# 6: header bare without PRI; class unifi_os_cef by key; host "192.0.2.7" by the sender's address; time 2026-11-22T17:00:01Z of receipt; not understood: it begins like unifi_os_cef and is broken, no time, no host`,
		`# 7: header bsd; class unifi_os_cef by key; host "gw" by header; time 2026-11-22T17:00:00Z by header; a relay had split its text`,
	}
	got := strings.Split(strings.TrimSuffix(errs, "\n"), "\n")
	for i := range max(len(got), len(want)) {
		if i >= len(got) || i >= len(want) || got[i] != want[i] {
			t.Fatalf("got\n%s\nwant\n%s", errs, strings.Join(want, "\n"))
		}
	}
}
