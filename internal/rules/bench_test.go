package rules_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"syslog-gateway/internal/dialect"
	"syslog-gateway/internal/ingest"
	"syslog-gateway/internal/rules"
	"syslog-gateway/internal/syslog"
)

// fortigate is a line of usual length, with its keys at usual places.
const fortigate = `<189>date=2026-03-14 time=14:28:52 devname="fw-a" devid="FG100FTK00000001" eventtime=1773498532123456789 tz="+0000" logid="0000000013" type="traffic" subtype="forward" level="notice" vd="root" srcip=192.0.2.7 srcport=51514 srcintf="port1" srcintfrole="lan" dstip=198.51.100.7 dstport=443 dstintf="wan1" dstintfrole="wan" sessionid=110577675 proto=6 action="accept" policyid=7 policytype="policy" service="HTTPS" trandisp="snat" duration=12 sentbyte=2345 rcvdbyte=23456 sentpkt=12 rcvdpkt=34 user="alice" appcat="unscanned"`

const asa = "<166>Mar 14 2026 14:28:52 fw1 : %ASA-6-302013: Built outbound TCP connection 110577675 for outside:198.51.100.7/443 (198.51.100.7/443) to inside:10.1.2.3/51515 (203.0.113.4/51515)"

const fortinet = `
pack: fortinet_fortigate
match: {text: "date=", keys: {devid: "*"}}
read: kv
sourcetype: fgt
role: netfw
`

// prepared is a message that has been read, and what applies rules to it.
type prepared struct {
	actor   *rules.Actor
	message rules.Message
	outcome rules.Outcome
	fresh   dialect.Result
}

func prepare(t testing.TB, s ingest.Settings, line string) *prepared {
	var h syslog.Header
	syslog.Scan([]byte(line), &h)
	p := &prepared{actor: rules.NewActor(nil)}
	from := dialect.From{Address: netip.MustParseAddr("192.0.2.7"), Rules: true}
	r := new(dialect.Result)
	s.Parser.Parse([]byte(line), &h, &from, r)
	p.fresh = *r
	p.message = rules.Message{Result: r, Host: []byte("fw-a"), Text: r.Body, Now: 1}
	p.actor.Use(s.Rules)
	return p
}

func (p *prepared) run(s *rules.Set) bool {
	p.message.Now += 1000
	*p.message.Result = p.fresh
	if !s.Of(p.message.Result.Class) {
		return true
	}
	if !p.actor.Act(&p.message, &p.outcome) {
		return false
	}
	if p.outcome.Edits() {
		p.actor.Edit(&p.message, &p.outcome)
	}
	return true
}

// BenchmarkKinds is what a rule of each kind costs a message, without reading and writing it.
func BenchmarkKinds(b *testing.B) {
	var fifty strings.Builder
	for i := range 50 {
		fmt.Fprintf(&fifty, "  - {name: r%d, when: {class: pan_traffic, words: {1: x}}, drop: true}\n", i)
	}
	for _, k := range []struct{ name, line, rules string }{
		{"none of 50 rules", asa, fifty.String()},
		{"drop by class", asa, "  - {name: r, when: {class: cisco_asa}, drop: true}\n"},
		{"drop by message id", asa, "  - {name: r, when: {class: cisco_asa, message_id: \"*-302014\"}, drop: true}\n"},
		{"drop by key", fortigate, "  - {name: r, when: {class: fortinet_fortigate, keys: {dstport: \"53\"}}, drop: true}\n"},
		{"drop by sender", asa, "  - {name: r, when: {class: cisco_asa, sender: [10.0.0.0/8]}, drop: true}\n"},
		{"drop by contains", asa, "  - {name: r, when: {class: cisco_asa, contains: Teardown}, drop: true}\n"},
		{"sample", asa, "  - {name: r, when: {class: cisco_asa}, sample: 10}\n"},
		{"suppress by host, message id", asa, "  - {name: r, when: {class: cisco_asa}, suppress: {one_in: 30s, by: [host, class, message_id]}}\n"},
		{"set", asa, "  - {when: {class: cisco_asa}, index: x, fields: {a: b}}\n"},
		{"look up by sender", asa, "  - {lookup: sites, by: sender}\n"},
		{"look up by key", fortigate, "  - {lookup: users, by: {key: user}}\n"},
		{"mask key", fortigate, "  - {name: r, mask: [{key: user}]}\n"},
		{"mask key, short line", header + "login of user=alice from 192.0.2.7 port 51514 ssh2", "  - {name: r, mask: [{key: user}]}\n"},
		{"mask key of CEF", "<14>Mar 14 14:28:52 w1 CEF:0|Microsoft|W|1|7|Up|3|" + strings.Repeat("a=b c ", 40) + "suser=alice smith src=192.0.2.7", "  - {name: r, mask: [{key: suser}]}\n"},
		{"mask key that is not there", asa, "  - {name: r, mask: [{key: user}]}\n"},
		{"mask key with hash", fortigate, "  - {name: r, mask: [{key: user, with: hash}]}\n"},
		{"mask between", fortigate, "  - {name: r, mask: [{between: [\"user=\", \" \"]}]}\n"},
		{"find card", fortigate, "  - {name: r, mask: [{find: card}]}\n"},
		{"find email", fortigate, "  - {name: r, mask: [{find: email}]}\n"},
		{"find address", fortigate, "  - {name: r, mask: [{find: address}]}\n"},
		{"mask regex", fortigate, "  - {name: r, mask: [{regex: 'user=\"[a-z]+\"'}]}\n"},
		{"trim 4 keys", fortigate, "  - {name: r, trim: {keys: [logid, vd, policytype, trandisp]}}\n"},
		{"trim spaces", asa, "  - {name: r, trim: {spaces: true}}\n"},
	} {
		b.Run(k.name, func(b *testing.B) {
			tables := "lookups:\n  sites: {file: sites.csv, key: network, columns: {site: field}}\n  users: {file: users.csv, key: value, columns: {team: field}}\n"
			s := settings(b, fortinet+tables+"rules:\n"+k.rules)
			p := prepare(b, s, k.line)
			b.ReportAllocs()
			for b.Loop() {
				p.run(s.Rules)
			}
		})
	}
}

// BenchmarkPath is the whole way of a line with rules, from the bytes of a socket to JSON.
func BenchmarkPath(b *testing.B) {
	for _, k := range []struct{ name, rules string }{
		{"no rules", ""},
		{"50 rules for others", func() (text string) {
			for i := range 50 {
				text += fmt.Sprintf("  - {name: r%d, when: {class: pan_traffic, words: {1: x}}, drop: true}\n", i)
			}
			return "rules:\n" + text
		}()},
		{"mask key", "rules:\n  - {name: r, mask: [{key: user}]}\n"},
	} {
		b.Run(k.name, func(b *testing.B) {
			s := settings(b, fortinet+k.rules)
			r := newRig(s)
			r.options.Sink, r.options.MaxBytes = discard{r}, 32<<10
			replay := r.stream()
			var block []byte
			n := 0
			for len(block) < 64<<10 {
				block = append(append(block, asa...), '\n')
				n++
			}
			b.ReportAllocs()
			for i := 0; i < b.N; i += n {
				replay.Write(block, received)
			}
			b.StopTimer()
		})
	}
}
