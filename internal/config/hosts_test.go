package config

import (
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestHosts(t *testing.T) {
	dir := t.TempDir()
	path := write(t, filepath.Join(dir, "hosts.csv"),
		"\ufeffip,name\r\n# the lab\r\n\r\n192.0.2.7, fw-1.example.net \r\n2001:db8::7,ap_7\r\n::ffff:192.0.2.8,sw8")
	hosts, err := Metadata{HostsFile: path}.Hosts()
	if err != nil {
		t.Fatal(err)
	}
	for addr, want := range map[string]string{"192.0.2.7": "fw-1.example.net", "2001:db8::7": "ap_7", "192.0.2.8": "sw8", "192.0.2.9": ""} {
		if got := hosts[netip.MustParseAddr(addr)]; got != want {
			t.Errorf("%s: %q, want %q", addr, got, want)
		}
	}
	if hosts, err := (Metadata{}).Hosts(); hosts != nil || err != nil {
		t.Errorf("no file: %v, %v", hosts, err)
	}
}

func TestWrongHosts(t *testing.T) {
	dir := t.TempDir()
	f := func(text string, wants ...string) {
		t.Helper()
		path := write(t, filepath.Join(dir, "hosts.csv"), text)
		hosts, err := Metadata{HostsFile: path}.Hosts()
		if err == nil || hosts != nil {
			t.Errorf("%.60q is accepted: %d names", text, len(hosts))
			return
		}
		for _, want := range append(wants, path) {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%.60q: no %q in %v", text, want, err)
			}
		}
	}
	f("192.0.2.7,a\nfoo\n\n10.0.0.0/8,x\n192.0.2.7,b\n192.0.2.9,a b\n192.0.2.10,\n",
		"line 2: ", "is not address,name", `line 4: "10.0.0.0/8" is not an IP address`,
		"line 5: 192.0.2.7 is listed twice, first in line 1", `line 6: "a b" is not a host name`, "line 7: ")
	f("fe80::1%eth0,x", "line 1: ")
	f("192.0.2.7,"+strings.Repeat("n", 256), "line 1: ")
	f("192.0.2.7,a,b", "line 1: ")
	f(strings.Repeat("x\n", 50), "line 20: ", "and 30 more wrong lines")
	f(strings.Repeat("#", int(maxHostsFile)+1), "larger than 4MiB")

	for _, path := range []string{dir, filepath.Join(dir, "missing")} {
		if _, err := (Metadata{HostsFile: path}).Hosts(); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// TestCheckReadsTheHostsFile: what run would refuse, check refuses.
func TestCheckReadsTheHostsFile(t *testing.T) {
	dir := t.TempDir()
	c := Default()
	c.Queue.Path, c.DeadLetter.Path = filepath.Join(dir, "q"), filepath.Join(dir, "d")
	c.Metadata.HostsFile = write(t, filepath.Join(dir, "hosts.csv"), "192.0.2.7,a\n")
	if err := c.check([]string{"SPLUNK_HEC_TOKEN=t"}); err != nil {
		t.Error(err)
	}
	if err := os.WriteFile(c.Metadata.HostsFile, []byte("192.0.2.7;a\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	wantError(t, c.check([]string{"SPLUNK_HEC_TOKEN=t"}), "metadata.hosts_file: ")
}

func FuzzHosts(f *testing.F) {
	f.Add("ip,name\n192.0.2.7,a\n#x\n::1,b")
	f.Add("192.0.2.7,a\n192.0.2.7,b\r\n,\n")
	f.Fuzz(func(t *testing.T, text string) {
		hosts, err := parseHosts(text)
		if err != nil && hosts != nil {
			t.Fatal("names beside an error")
		}
		for addr, name := range hosts {
			if !addr.IsValid() || addr.Is4In6() || name == "" || strings.ContainsAny(name, " ,\"\n") {
				t.Fatalf("%v %q", addr, name)
			}
		}
	})
}
