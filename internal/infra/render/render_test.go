package render

import (
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"syslog-gateway/internal/config"
	"syslog-gateway/internal/infra/declaration"
	"syslog-gateway/internal/testkit"
)

func address(last byte) declaration.Address {
	return declaration.Address{CIDR: netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 20, 30, last}), 24)}
}

func gateway(key string, last byte) declaration.Container {
	return declaration.Container{
		Guest:  declaration.Guest{Key: key, Name: key, Tags: []string{"container", "syslog-gateway"}, Address: address(last), Domain: "lab.example"},
		Root:   declaration.Disk{Size: 8},
		Mounts: []declaration.Mount{{Store: "local-zfs", Size: 110, Path: "/var/lib/syslog-gateway/"}},
	}
}

func estate() *declaration.Estate {
	return &declaration.Estate{
		Containers: []declaration.Container{{Guest: declaration.Guest{Key: "dns"}}, gateway("gw", 175)},
		Splunk: &declaration.VM{Guest: declaration.Guest{Key: "splunk", Name: "splunk-aio", Address: address(200)},
			Disks: []declaration.Disk{{Size: 25}, {Size: 200}}},
	}
}

// loaded is what the gateway makes of the text, checked as `gateway check` does before
// it checks secrets and paths.
func loaded(t *testing.T, text []byte) config.Config {
	t.Helper()
	file := filepath.Join(t.TempDir(), "gateway.yaml")
	testkit.Must(t, os.WriteFile(file, text, 0o600))
	c, err := config.Load(file, nil, nil)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return c
}

func TestGatewayTakesItsOwnConfiguration(t *testing.T) {
	text := testkit.Try(Gateway(estate(), GatewayOptions{}))(t)
	c := loaded(t, text)
	ports := declaration.Ports().Syslog
	if len(c.Sources) != len(ports) {
		t.Errorf("%d sources for %d ports", len(c.Sources), len(ports))
	}
	for name, port := range ports {
		if s := c.Sources[name]; s.Port != port || s.Vendor != name || s.Index == "" {
			t.Errorf("source %s: %+v", name, s)
		}
	}
	if len(c.HEC.Endpoints) != 1 || c.HEC.Endpoints[0] != "https://10.20.30.200:8088" {
		t.Errorf("endpoints %v", c.HEC.Endpoints)
	}
	if c.Queue.Path != "/var/lib/syslog-gateway/queue" || c.Queue.MaxSize != 100_000_000_000 {
		t.Errorf("queue %+v", c.Queue)
	}
	if c.Stats.Listen != ":8404" {
		t.Errorf("stats %q", c.Stats.Listen)
	}
}

func TestGatewayChoice(t *testing.T) {
	pair := estate()
	pair.Containers = append(pair.Containers, gateway("gw2", 176))
	none := estate()
	none.Containers = none.Containers[:1]
	noSplunk := estate()
	noSplunk.Splunk = nil
	small := estate()
	small.Containers[1].Mounts = nil
	dhcp := estate()
	dhcp.Splunk.Address, dhcp.Splunk.Domain = declaration.Address{DHCP: true}, "lab.example"
	for _, c := range []struct {
		name string
		e    *declaration.Estate
		o    GatewayOptions
		want string // in the text, or after ! in the error
	}{
		{"a pair must be chosen from", pair, GatewayOptions{}, "!name one: gw, gw2"},
		{"one of a pair", pair, GatewayOptions{Key: "gw2"}, "gateway.yaml of gw2"},
		{"another guest", pair, GatewayOptions{Key: "dns"}, `!"dns" is not a container tagged`},
		{"no gateway", none, GatewayOptions{}, "!no container is tagged"},
		{"no Splunk", noSplunk, GatewayOptions{}, "!--hec"},
		{"another HEC", noSplunk, GatewayOptions{Endpoints: []string{"https://a:8088", "https://b:8088"}}, `["https://a:8088", "https://b:8088"]`},
		{"wrong HEC", estate(), GatewayOptions{Endpoints: []string{"splunk:8088"}}, "!not the URL"},
		{"no space", small, GatewayOptions{}, "!leaves no space"},
		{"a name for DHCP", dhcp, GatewayOptions{}, "https://splunk-aio.lab.example:8088"},
	} {
		text, err := Gateway(c.e, c.o)
		got := string(text)
		want, wrong := strings.CutPrefix(c.want, "!")
		if wrong && err != nil {
			got = err.Error()
		}
		if wrong != (err != nil) || !strings.Contains(got, want) {
			t.Errorf("%s: %q, %v", c.name, text, err)
		}
		if err == nil {
			loaded(t, text)
		}
	}
}

func TestQueueLeavesRoom(t *testing.T) {
	c := gateway("gw", 175)
	for gib, want := range map[int]string{4: "", 10: "6GB", 110: "100GB", 500: "480GB"} {
		c.Mounts[0].Size = gib
		if got, _, err := queueSize(&c); got != want || (err != nil) != (want == "") {
			t.Errorf("%d GiB: %q, %v, want %q", gib, got, err, want)
		}
	}
	c.Mounts, c.Root.Size = nil, 64
	if got, where, err := queueSize(&c); got != "54GB" || !strings.Contains(where, "root disk") || err != nil {
		t.Errorf("root disk: %q, %q, %v", got, where, err)
	}
}

func TestSplunkConfiguration(t *testing.T) {
	files := testkit.Try(Splunk(estate(), ""))(t)
	indexes, inputs := string(files[0].Text), string(files[1].Text)
	for _, name := range []string{"[firewall]", "[os]", "[unifi]", "maxTotalDataSizeMB = 54613"} { // 4/5 of 200 GiB, by three
		testkit.Holds(t, "indexes.conf", indexes, name)
	}
	testkit.Holds(t, "inputs.conf", inputs, "port = 8088", "token = ${SPLUNK_HEC_TOKEN}", "indexes = firewall,os,unifi")
	if files[1].Secret {
		t.Error("there is no secret in it")
	}
	files, err := Splunk(estate(), "1111-2222")
	if err != nil || !files[1].Secret || !strings.Contains(string(files[1].Text), "token = 1111-2222\n") {
		t.Errorf("with the token: %v\n%s", err, files[1].Text)
	}
	if _, err := Splunk(estate(), "a\nb"); err == nil {
		t.Error("a token of two lines is taken")
	}
	if _, err := Splunk(&declaration.Estate{}, ""); err == nil {
		t.Error("there is no Splunk to render for")
	}
}
