package dialect_test

import (
	"reflect"
	"regexp"
	"strings"
	"testing"

	"syslog-gateway/internal/dialect"
)

func TestClasses(t *testing.T) {
	name := regexp.MustCompile(`^[a-z][a-z0-9]*(_[a-z0-9]+)*$`)
	seen := map[string]bool{}
	for i, c := range dialect.Classes() {
		if int(c.ID) != i || c.ID.String() != c.Name {
			t.Errorf("class %d has ID %d and name %s", i, c.ID, c.Name)
		}
		if !name.MatchString(c.Name) || seen[c.Name] {
			t.Errorf("class %d: bad or repeated name %q", i, c.Name)
		}
		seen[c.Name] = true
		if c.VendorProduct == "" || c.Vendor == "" && c.ID != dialect.Fallback {
			t.Errorf("%s: no vendor or product", c.Name)
		}
	}
	for _, need := range []string{
		"unifi_device", "unifi_firewall", "unifi_cef", "pan_traffic", "cisco_asa",
		"linux_secure", "windows_xml", "fallback",
	} {
		if !seen[need] {
			t.Errorf("no class %s", need)
		}
	}
}

func TestNew(t *testing.T) {
	for _, name := range dialect.Names() {
		if p, err := dialect.New(name); err != nil || p.Name() != name {
			t.Errorf("New(%q): %v", name, err)
		}
	}
	_, err := dialect.New("junos")
	if err == nil || !strings.Contains(err.Error(), "junos") || !strings.Contains(err.Error(), "auto") {
		t.Errorf("an unknown vendor: %v", err)
	}
}

func TestProfileDefault(t *testing.T) {
	p := newProfile(t, "default", nil)
	unifi := dialect.SourceInfo{Name: "unifi", Vendor: "unifi", Port: 1514, Index: "unifi"}
	linux := dialect.SourceInfo{Name: "linux", Vendor: "linux", Port: 1517, Index: "os"}
	windows := dialect.SourceInfo{Name: "windows", Vendor: "windows", Port: 1518, Index: "os"}
	f := func(class dialect.ClassID, src dialect.SourceInfo, sourcetype, index, source string) {
		t.Helper()
		m := p.Metadata(class, src)
		if m.Sourcetype != sourcetype || m.Index != index || m.Source != source {
			t.Errorf("%s from %s: got %s, %s, %s; want %s, %s, %s", class, src.Name,
				m.Sourcetype, m.Index, m.Source, sourcetype, index, source)
		}
		if m.SourceFromResult != strings.HasSuffix(source, ":") {
			t.Errorf("%s: SourceFromResult is %v for %q", class, m.SourceFromResult, source)
		}
	}
	f(dialect.UniFiDevice, unifi, "ubiquiti:unifi", "unifi", "syslog:1514")
	f(dialect.UniFiCEF, unifi, "ubiquiti:unifi", "unifi", "syslog:1514")
	f(dialect.UniFiFirewall, unifi, "ubiquiti:firewall", "firewall", "syslog:1514")
	f(dialect.UniFiFirewall, linux, "ubiquiti:firewall", "os", "syslog:1517") // away from home
	f(dialect.UniFiFirewall, dialect.SourceInfo{Vendor: "auto", Port: 514, Index: "main"},
		"ubiquiti:firewall", "firewall", "syslog:514")
	f(dialect.CiscoASA, linux, "cisco:asa", "os", "syslog:1517")
	f(dialect.LinuxSecure, linux, "linux_secure", "os", "syslog:1517")
	f(dialect.WindowsXML, windows, "XmlWinEventLog", "os", "XmlWinEventLog:")
	f(dialect.WindowsNXLogJSON, windows, "windows:nxlog:json", "os", "syslog:1518")
	f(dialect.Fallback, linux, "syslog:fallback", "os", "syslog:1517")
	f(dialect.ClassID(9999), linux, "syslog:fallback", "os", "syslog:1517")

	want := []dialect.Field{{Name: "vendor_product", Value: "paloalto_panos"}, {Name: "class", Value: "pan_threat"}}
	if got := p.Metadata(dialect.PANThreat, linux).Fields; !reflect.DeepEqual(got, want) {
		t.Errorf("fields %v, want %v", got, want)
	}
}

func TestProfileSC4S(t *testing.T) {
	p := newProfile(t, "sc4s", nil)
	src := dialect.SourceInfo{Name: "x", Vendor: "unifi", Port: 1514, Index: "ours"}
	f := func(class dialect.ClassID, sourcetype, index, source string, values ...string) {
		t.Helper()
		m := p.Metadata(class, src)
		if m.Sourcetype != sourcetype || m.Index != index || m.Source != source {
			t.Errorf("%s: got %s, %s, %s", class, m.Sourcetype, m.Index, m.Source)
		}
		var got []string
		for _, field := range m.Fields {
			if !strings.HasPrefix(field.Name, "sc4s_") || field.Value == "" {
				t.Errorf("%s: field %v", class, field)
			}
			got = append(got, field.Value)
		}
		if !reflect.DeepEqual(got, values) {
			t.Errorf("%s: fields %v, want %v", class, got, values)
		}
	}
	f(dialect.UniFiDevice, "ubnt", "netops", "sc4s", "ubiquiti", "unifi")
	f(dialect.UniFiFirewall, "ubnt:fw", "netfw", "sc4s", "ubiquiti", "unifi", "fw")
	f(dialect.PANThreat, "pan:threat", "netproxy", "sc4s", "pan", "panos", "threat")
	f(dialect.PANAuth, "pan:auth", "netauth", "sc4s", "pan", "panos", "authentication")
	f(dialect.CiscoASA, "cisco:asa", "netfw", "sc4s", "cisco", "asa")
	f(dialect.LinuxSyslog, "nix:syslog", "osnix", "program:", "nix", "syslog")
	f(dialect.WindowsCEF, "cef", "oswinsec", "CEFEventLog:Microsoft Windows")
	f(dialect.WindowsCEFArcSight, "cef", "main", "ArcSight:ArcSight")
	f(dialect.Fallback, "sc4s:fallback", "main", "sc4s", "splunk", "sc4s", "fallback")
	if m := p.Metadata(dialect.WindowsCEFOther, src); m.CEF != [3]string{"sc4s_vendor", "sc4s_product", "sc4s_class"} {
		t.Errorf("a CEF message says vendor, product and class itself: %v", m.CEF)
	}
	if m := p.Metadata(dialect.CiscoASA, src); m.CEF != [3]string{} || !p.LowerCaseHost() {
		t.Errorf("fields of a CEF header for an ASA: %v; lower case %v", m.CEF, p.LowerCaseHost())
	}
	if !p.Metadata(dialect.LinuxSyslog, src).SourceFromResult || p.Metadata(dialect.WindowsCEF, src).SourceFromResult {
		t.Error("the program completes the source of Linux lines, and nothing that of CEF")
	}
}

func TestProfileOverrides(t *testing.T) {
	p := newProfile(t, "default", map[string]dialect.Override{
		"pan_traffic": {Index: "netfw", Sourcetype: "pan:firewall"},
		"windows_xml": {Source: "wef"},
	})
	src := dialect.SourceInfo{Name: "palo_alto", Vendor: "palo_alto", Port: 1515, Index: "firewall"}
	m := p.Metadata(dialect.PANTraffic, src)
	if m.Index != "netfw" || m.Sourcetype != "pan:firewall" || m.Source != "syslog:1515" {
		t.Errorf("override: %+v", m)
	}
	if m := p.Metadata(dialect.WindowsXML, src); m.Source != "wef" || m.SourceFromResult {
		t.Errorf("override of the source: %+v", m)
	}
	src.Sourcetype = "everything"
	if m := p.Metadata(dialect.PANTraffic, src); m.Sourcetype != "everything" || m.Index != "netfw" {
		t.Errorf("the source's sourcetype is for everything from it: %+v", m)
	}
}

func TestProfileErrors(t *testing.T) {
	if _, err := dialect.NewProfile("cribl", nil); err == nil || !strings.Contains(err.Error(), "cribl") {
		t.Errorf("an unknown profile: %v", err)
	}
	_, err := dialect.NewProfile("default", map[string]dialect.Override{"pan_trafic": {Index: "x"}})
	if err == nil || !strings.Contains(err.Error(), "pan_trafic") || !strings.Contains(err.Error(), "pan_traffic") {
		t.Errorf("an unknown class must name what was meant: %v", err)
	}
}

func newProfile(t *testing.T, name string, o map[string]dialect.Override) *dialect.Profile {
	t.Helper()
	p, err := dialect.NewProfile(name, o)
	if err != nil {
		t.Fatal(err)
	}
	return p
}
