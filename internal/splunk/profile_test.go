package splunk_test

import (
	"reflect"
	"strings"
	"testing"

	"syslog-gateway/internal/dialect"
	"syslog-gateway/internal/splunk"
)

// TestTable checks that every class has names in both profiles.
func TestTable(t *testing.T) {
	for _, profile := range []string{"default", "sc4s"} {
		p := newProfile(t, profile, nil)
		for _, c := range dialect.Classes(nil) {
			m := p.Metadata(c, splunk.SourceInfo{Port: 514, Index: "main"})
			if m.Sourcetype == "" || m.Index == "" || m.Source == "" {
				t.Errorf("profile %s, class %s: %+v", profile, c.Name, m)
			}
			if fallback := m.Sourcetype == "syslog:fallback"; fallback != (profile == "default" && c.ID == dialect.Fallback) {
				t.Errorf("profile %s, class %s has the names of Fallback", profile, c.Name)
			}
		}
	}
}

func TestProfileDefault(t *testing.T) {
	p := newProfile(t, "default", nil)
	unifi := splunk.SourceInfo{Vendor: "unifi", Port: 1514, Index: "unifi"}
	linux := splunk.SourceInfo{Vendor: "linux", Port: 1517, Index: "os"}
	windows := splunk.SourceInfo{Vendor: "windows", Port: 1518, Index: "os"}
	f := func(class dialect.ClassID, src splunk.SourceInfo, sourcetype, index, source string) {
		t.Helper()
		m := p.Metadata(class.Class(), src)
		if m.Sourcetype != sourcetype || m.Index != index || m.Source != source {
			t.Errorf("%s from %s: got %s, %s, %s; want %s, %s, %s", class, src.Vendor,
				m.Sourcetype, m.Index, m.Source, sourcetype, index, source)
		}
		if m.SourceFromResult != strings.HasSuffix(source, ":") {
			t.Errorf("%s: SourceFromResult is %v for %q", class, m.SourceFromResult, source)
		}
	}
	f(dialect.UniFiDevice, unifi, "ubiquiti:unifi", "unifi", "syslog:1514")
	f(dialect.UniFiCEF, unifi, "ubiquiti:unifi", "unifi", "syslog:1514")
	f(dialect.UniFiFirewall, unifi, "ubiquiti:firewall", "firewall", "syslog:1514")
	f(dialect.UniFiFirewall, linux, "ubiquiti:firewall", "os", "syslog:1517") // a source of another family
	f(dialect.UniFiFirewall, splunk.SourceInfo{Vendor: "auto", Port: 514, Index: "main"},
		"ubiquiti:firewall", "firewall", "syslog:514")
	f(dialect.CiscoASA, linux, "cisco:asa", "os", "syslog:1517")
	f(dialect.LinuxSecure, linux, "linux_secure", "os", "syslog:1517")
	f(dialect.WindowsXML, windows, "XmlWinEventLog", "os", "XmlWinEventLog:")
	f(dialect.WindowsNXLogJSON, windows, "windows:nxlog:json", "os", "syslog:1518")
	f(dialect.Fallback, linux, "syslog:fallback", "os", "syslog:1517")

	want := []splunk.Field{{Name: "vendor_product", Value: "paloalto_panos"}, {Name: "class", Value: "pan_threat"}}
	if got := p.Metadata(dialect.PANThreat.Class(), linux).Fields; !reflect.DeepEqual(got, want) {
		t.Errorf("fields %v, want %v", got, want)
	}
}

func TestProfileSC4S(t *testing.T) {
	p := newProfile(t, "sc4s", nil)
	src := splunk.SourceInfo{Vendor: "unifi", Port: 1514, Index: "ours"}
	f := func(class dialect.ClassID, sourcetype, index, source string, values ...string) {
		t.Helper()
		m := p.Metadata(class.Class(), src)
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
	if m := p.Metadata(dialect.WindowsCEFOther.Class(), src); m.CEF != [3]string{"sc4s_vendor", "sc4s_product", "sc4s_class"} {
		t.Errorf("a CEF message says vendor, product and class itself: %v", m.CEF)
	}
	if m := p.Metadata(dialect.CiscoASA.Class(), src); m.CEF != [3]string{} || !p.LowerCaseHost() {
		t.Errorf("fields of a CEF header for an ASA: %v; lower case %v", m.CEF, p.LowerCaseHost())
	}
	if !p.Metadata(dialect.LinuxSyslog.Class(), src).SourceFromResult || p.Metadata(dialect.WindowsCEF.Class(), src).SourceFromResult {
		t.Error("the program completes the source of Linux lines, and nothing that of CEF")
	}
}

func TestProfileOverrides(t *testing.T) {
	p := newProfile(t, "default", map[string]splunk.Override{
		"pan_traffic": {Index: "netfw", Sourcetype: "pan:firewall"},
		"windows_xml": {Source: "wef"},
	})
	src := splunk.SourceInfo{Vendor: "palo_alto", Port: 1515, Index: "firewall"}
	m := p.Metadata(dialect.PANTraffic.Class(), src)
	if m.Index != "netfw" || m.Sourcetype != "pan:firewall" || m.Source != "syslog:1515" {
		t.Errorf("override: %+v", m)
	}
	if m := p.Metadata(dialect.WindowsXML.Class(), src); m.Source != "wef" || m.SourceFromResult {
		t.Errorf("override of the source: %+v", m)
	}
	src.Sourcetype = "everything"
	if m := p.Metadata(dialect.PANTraffic.Class(), src); m.Sourcetype != "everything" || m.Index != "netfw" {
		t.Errorf("the source's sourcetype is for everything from it: %+v", m)
	}
}

func TestProfileErrors(t *testing.T) {
	if _, err := splunk.NewProfile("cribl", splunk.Naming{}, nil); err == nil || !strings.Contains(err.Error(), "cribl") {
		t.Errorf("an unknown profile: %v", err)
	}
	_, err := splunk.NewProfile("default", splunk.Naming{Overrides: map[string]splunk.Override{"pan_trafic": {Index: "x"}}}, dialect.Classes(nil))
	if err == nil || !strings.Contains(err.Error(), "pan_trafic") || !strings.Contains(err.Error(), "pan_traffic") {
		t.Errorf("an unknown class must name what was meant: %v", err)
	}
}

func newProfile(t *testing.T, name string, o map[string]splunk.Override) *splunk.Profile {
	t.Helper()
	p, err := splunk.NewProfile(name, splunk.Naming{Overrides: o}, dialect.Classes(nil))
	if err != nil {
		t.Fatal(err)
	}
	return p
}
