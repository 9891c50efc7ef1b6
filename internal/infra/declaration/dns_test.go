package declaration

import (
	"fmt"
	"strings"
	"testing"

	"syslog-gateway/internal/testkit"
)

const dnsFrame = `{"network_prefix": "10.1.2", "domain": "lab.example", "ssh_public_key": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAICZUzpX4Slhk8yygcPvyLScXJ4ZloIvSNbIxGixHH4fC test",
  "containers": {"web": {"vm_id": 110, "hostname": "web", "tags": ["terraform"], "root_disk": {"size": 8}}, "moves": {"vm_id": 111, "hostname": "moves", "dhcp": true, "tags": ["terraform"], "root_disk": {"size": 8}}},
  %s}`

func TestDNSRules(t *testing.T) {
	records := func(text string) string {
		return `"dns": {"route53": {"zone": "lab.example", "zone_id": "Z1", "records": {` + text + `}}}`
	}
	const oneKind = "; give one; only a and aaaa go together"
	checkRules(t, dnsFrame, []ruleCase{
		{records(`"web": {"guest": "web"}, "@": {"a": ["192.0.2.1"]}, "*.apps": {"cname": "web"}, "v6": {"aaaa": ["2001:db8::1"], "a": ["192.0.2.1"], "ttl": 60}`), nil},
		{`"dns": {"route53": {"zone": "lab.example"}}`, []string{`$.dns.route53.zone_id: is missing; it has no default: set it`}},
		{`"dns": {"route52": {}}`, []string{`$.dns.route52: the key "route52" is not known here; did you mean route53?`}},
		{`"dns": {"route53": {"zone": "lab example", "zone_id": "lab", "ttl": 5, "owner": "a b"}}`, []string{
			`$.dns.route53.owner: "a b" cannot be the name of an owner; use letters, digits, hyphens, dots and underscores, 63 at most`,
			`$.dns.route53.ttl: 5 is out of range; 30 to 604800 are possible`,
			`$.dns.route53.zone: "lab example" is not a DNS name; use labels of letters, digits and inner hyphens, with dots between them`,
			"$.dns.route53.zone_id: \"lab\" is not the ID of a Route 53 zone; such as Z0123456789ABCDEFGHIJ: `aws route53 list-hosted-zones` shows it",
		}},
		{records(`"web": {"guest": "wed"}`), []string{`$.dns.route53.records.web.guest: "wed" is not a declared guest; did you mean web?`}},
		{records(`"m": {"guest": "moves"}`), []string{`$.dns.route53.records.m.guest: "moves" has its address by DHCP, which is not known here; give the guest an address, or leave the record to the DHCP server`}},
		{records(`"web": {}`), []string{`$.dns.route53.records.web: has none of guest, a, aaaa and cname, or several of them` + oneKind}},
		{records(`"web": {"guest": "web", "cname": "x"}`), []string{`$.dns.route53.records.web: has none of guest, a, aaaa and cname, or several of them` + oneKind}},
		{records(`"web": {"cname": ""}`), []string{`$.dns.route53.records.web.cname: "" is empty; set it`}},
		{records(`"web": {"a": "192.0.2.1"}`), []string{
			`$.dns.route53.records.web.a: is a string where a list is needed; write it in [ ]`}},
		{records(`"web": {"a": ["2001:db8::1"]}`), []string{`$.dns.route53.records.web.a[0]: "2001:db8::1" is not an address for A`}},
		{records(`"web": {"aaaa": ["192.0.2.1", "fe80::1%eth0"]}`), []string{
			`$.dns.route53.records.web.aaaa[0]: "192.0.2.1" is not an address for AAAA`, `$.dns.route53.records.web.aaaa[1]: "fe80::1%eth0" is not an address for AAAA`}},
		{records(`"@": {"cname": "web"}`), []string{`$.dns.route53.records["@"].cname: cannot be at the zone itself, which has other records; use a, aaaa or guest (RFC 1034, section 3.6.2)`}},
		{records(`"web": {"a": ["192.0.2.1"]}, "WEB.lab.example": {"a": ["192.0.2.2"]}`), []string{
			`$.dns.route53.records.web: the key "web" is a name that is declared already; give each name once`}},
		{records(`"web.example.org.": {"a": ["192.0.2.1"]}`), []string{
			`$.dns.route53.records["web.example.org."]: the key "web.example.org." is not in the zone; write the name below the zone, such as gateway; @ is the zone itself, *.NAME all names below`}},
		{records(`"_provision": {"a": ["192.0.2.1"]}`), []string{
			`$.dns.route53.records._provision: the key "_provision" is not a DNS name; write the name below the zone, such as gateway; @ is the zone itself, *.NAME all names below`}},
	})
}

// TestDNSNames: keys are below the zone unless they end in it; values are in one form.
func TestDNSNames(t *testing.T) {
	o := withText(t, strings.Replace(dnsFrame, "%s", `"dns": {"route53": {"zone": "Lab.Example.", "zone_id": "Z1", "ttl": 120, "records": {
	  "Web": {"guest": "web"}, "pve.lab.example": {"aaaa": ["2001:DB8:0::1", "2001:db8::1"]}, "hec": {"cname": "web"}, "out": {"cname": "Host.Example.net"}, "a.b": {"a": ["192.0.2.1"], "ttl": 60}}}}`, 1))
	e := testkit.Try(Load(t.Context(), o))(t)
	var got []string
	for _, r := range e.DNS.Records {
		got = append(got, fmt.Sprintf("%s %s %d %s %s", r.Name, r.Type, r.TTL, strings.Join(r.Values, ","), r.Guest))
	}
	testkit.Equal(t, "records", strings.Join(got, "; "), "a.b.lab.example A 60 192.0.2.1 ; hec.lab.example CNAME 120 web.lab.example. ; out.lab.example CNAME 120 host.example.net. ; "+
		"pve.lab.example AAAA 120 2001:db8::1 ; web.lab.example A 120 10.1.2.110 web")
	testkit.Equal(t, "owner", e.DNS.Owner, "homelab")
}

func TestCertificateRules(t *testing.T) {
	acme := func(text string) string {
		return `"acme_accounts": {"d": {"email": "a@example.com", "directory": "https://acme.example/directory", "tos": "https://acme.example/tos"}},
			"dns_plugins": {"aws": {"plugin_type": "aws", "data": {"K": "x"}}}, "acme_certificates": {"pve": {"node_name": "pve", "account_id": "d", "dns_plugin_id": "aws", ` + text + `}}`
	}
	guest := func(text string) string { return `"guest_certificates": {"web": {"guest": "web", ` + text + `}}` }
	checkRules(t, dnsFrame, []ruleCase{
		{acme(`"domains": ["pve.example.com", "*.example.com"]`), nil},
		{acme(`"domain": "a.example.com", "domains": ["a.example.com"]`), []string{`$.acme_certificates.pve.domain: and domains are both given; write all names into domains`}},
		{acme(`"domains": []`), []string{`$.acme_certificates.pve.domains: has 0 names; give 1 to 5`}},
		{acme(`"domains": ["a.a", "b.a", "c.a", "d.a", "e.a", "f.a"]`), []string{`$.acme_certificates.pve.domains: has 6 names; give 1 to 5`}},
		{acme(`"domains": ["a.a", "a.a"]`), []string{`$.acme_certificates.pve.domains: "a.a" is there twice; give each name once`}},
		{acme(`"domains": ["*.com", "a.*.com"]`), []string{
			`$.acme_certificates.pve.domains[0]: "*.com" is a wildcard for a whole top-level domain; write *.NAME.TLD`,
			`$.acme_certificates.pve.domains[1]: "a.*.com" is not a DNS name; use labels of letters, digits and inner hyphens, with dots between them`}},
		{guest(`"domains": ["web.lab.example", "*.web.lab.example"], "email": "a@example.com", "reload": "systemctl reload nginx"`), nil},
		{guest(`"challenge": "http"`), []string{`$.guest_certificates.web.domains: is missing; it has no default: set it`}},
		{guest(`"domains": ["*.lab.example"], "challenge": "http"`), []string{
			`$.guest_certificates.web.domains: has a wildcard, which only the challenge route53 can prove; name the hosts, or write "challenge": "route53"`}},
		{guest(`"domains": ["web.lab.example"], "challenge": "internal", "email": "a@example.com"`), []string{`$.guest_certificates.web.email: has no effect with the internal CA; remove it`}},
		{guest(`"domains": ["web.lab.example"], "server": "http://ca.lab.example", "reload": "a; rm -rf /"`), []string{
			`$.guest_certificates.web.reload: "a; rm -rf /" is not a plain command; use letters, digits, blanks and - _ . / : @ = alone; put more into a script`,
			`$.guest_certificates.web.server: "http://ca.lab.example" is not an https URL`}},
		{`"guest_certificates": {"x": {"guest": "nobody", "domains": ["x.lab.example"]}}`, []string{`$.guest_certificates.x.guest: "nobody" is not a declared guest; write its key under containers or vms`}},
	})
}

// TestSOPSZoneStaysHidden: no problem quotes what came encrypted.
func TestSOPSZoneStaysHidden(t *testing.T) {
	for _, record := range []string{`"x.": {}`, `"web": {"guest": "secret-guest"}`, `"@": {"cname": "secret-target"}`, `"web": {"a": ["secret-address"]}`, `"web": {"cname": "secret target"}`} {
		_, err := Load(t.Context(), encrypted(t, withText(t, `{"network_prefix": "10.1.2"}`), `{"dns": {"route53": {"zone": "secret-zone.example", "zone_id": "Z1", "records": {`+record+`}}}}`))
		if err == nil {
			t.Fatalf("%s is taken", record)
		}
		testkit.Lacks(t, record, err.Error(), "secret-")
	}
}
