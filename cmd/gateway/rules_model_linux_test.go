package main

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"syslog-gateway/internal/pack/catalog"
	"syslog-gateway/internal/testkit"
)

// This file says which messages the test of rules sends, and, without the code of rules, what
// becomes of each under one of two sets of rules.

// maskSecret is the key of hashes.
const maskSecret = "of the test of rules"

// rulesOf are the site's files of rules of a generation. Even and odd ones differ in all that
// rules can say, and every generation is told in the values that look-ups and fields set.
func rulesOf(generation int) map[string]string {
	word := [2]string{"a", "b"}[generation%2]
	return map[string]string{
		"nets.csv":  fmt.Sprintf("network,site,index\n127.0.1.0/24,north-%d,net_%s\n127.0.2.0/24,south-%d,\n", generation, word, generation),
		"hosts.csv": fmt.Sprintf("host,owner,type\nweb1,web-%d,web:%s\n", generation, word),
		"users.csv": fmt.Sprintf("user,team,desk\nu1,one-%d,desk-%s\nu2,two-%d,\n", generation, word, generation),
		"zones.csv": fmt.Sprintf("user,zone\nu0,%s\nu1,%s\nu2,\n", zones["u0"][generation%2], zones["u1"][generation%2]),
		"site.yaml": fmt.Sprintf(`format: 1
pack: site
lookups:
  nets: {file: nets.csv, key: network, columns: {site: field, index: index}}
  hosts: {file: hosts.csv, key: host, columns: {owner: field, type: sourcetype}}
  users: {file: users.csv, key: value, columns: {team: field, desk: host}}
  zones: {file: zones.csv, key: value, columns: {zone: timezone}}
rules:
  - {fields: {generation: "%d"}}
  - {lookup: nets, by: sender}
  - {lookup: hosts, by: host}
  - {when: {program: whois}, lookup: users, by: {key: gwuser}}
  - {when: {program: abroad}, lookup: zones, by: {key: gwuser}}
  - {when: {class: cisco_asa}, index: asa_%s, sourcetype: "asa:%s", fields: {zone: %s}}
`, generation, word, word, word) + [2]string{rulesA, rulesB}[generation%2],
	}
}

const rulesA = `
  - {name: gone, when: {program: gone, keys: {zone: dmz}}, drop: true}
  - {name: debug, when: {program: noisy, level: debug}, drop: true}
  - {name: teardown, when: {class: cisco_asa, message_id: "ASA-6-302014"}, drop: true}
  - {name: tenth, when: {program: tenth}, sample: 10}
  - {name: system, when: {class: pan_system}, sample: 3}
  - {name: calm, when: {program: calm}, suppress: {one_in: 1s, by: [host, class, {key: gwuser}]}}
  - {name: storm, when: {program: storm}, suppress: {one_in: 30s, by: [sender, {key: gwuser}], at_most: 4}}
  - {name: steady, when: {program: steady}, suppress: {one_in: 2s, by: [host, class, {key: gwuser}]}}
  - {name: words, mask: [{key: gwpass}, {key: gwacct, with: hash}]}
  - {name: between, mask: {between: ["gw[[", "]]"]}}
  - {name: found, when: {program: pay}, mask: [{find: card}, {find: email}, {find: address}]}
  - {name: iban, when: {program: bank}, mask: {regex: 'DE[0-9]{2}[QXZJ]{16}', with: IBAN}}
  - {name: thin, trim: {keys: [gwvd]}}
  - {name: blanks, when: {program: thin}, trim: {spaces: true, tabs: true}}
`

const rulesB = `
  - {name: steady, when: {program: steady}, suppress: {one_in: 2s, by: [host, class, {key: gwuser}]}}
  - {name: blanks, when: {program: thin}, trim: {spaces: true, tabs: true}}
  - {name: found, when: {program: pay}, mask: [{find: address, with: hash}, {find: card, with: hash}, {find: email, with: hash}]}
  - {name: iban, when: {program: bank}, mask: {regex: 'DE[0-9]{2}[QXZJ]{16}'}}
  - {name: words, mask: [{key: gwacct, with: "###"}, {key: gwpass, with: hash}]}
  - {name: between, mask: {between: ["gw[[", "]]"], with: xxx}}
  - {name: thin, trim: {keys: [gwlog]}}
  - {name: system, when: {class: pan_system}, sample: 2}
  - {name: tenth, when: {program: tenth}, sample: 4}
  - {name: storm, when: {program: storm}, suppress: {one_in: 30s, by: [sender, {key: gwuser}], at_most: 8}}
  - {name: calm, when: {program: calm}, suppress: {one_in: 2s, by: [host, class, {key: gwuser}]}}
  - {name: teardown, when: {class: cisco_asa, message_id: "ASA-6-302014"}, drop: true}
  - {name: gone, when: {program: gone, keys: {zone: dmz}}, drop: true}
  - {name: debug, when: {program: noisy, level: debug}, drop: true}
`

// zones are the time zones of users, by set: a message of one of them has a time without a zone.
var zones = map[string][2]string{"u0": {"Etc/GMT-3", "Asia/Kolkata"}, "u1": {"Asia/Kolkata", "Etc/GMT+7"}, "u2": {"UTC", "UTC"}, "u3": {"UTC", "UTC"}}

// samples is how many messages one stands for, by rule and set.
var samples = map[string][2]string{"tenth": {"10", "4"}, "system": {"3", "2"}}

// leaving are the rules that leave messages out, with their action.
var leaving = map[string]string{
	"gone": "drop", "debug": "drop", "teardown": "drop", "tenth": "sample", "system": "sample", "calm": "suppress", "storm": "suppress", "steady": "suppress",
}

// piece is a piece of what is planted into a message.
type piece struct {
	text string
	rule string    // that hides or removes it; empty: none
	with [2]string // what stands there under each of the sets; hashed is a hash
	cut  string    // what is sent behind it, beyond the length of messages
}

// ruledMax is the length at which messages are cut.
const ruledMax = 4096

const hashed = "\x00hash"

func (p *piece) under(set int) string {
	switch {
	case p.rule == "":
		return p.text
	case !strings.Contains(p.with[set], hashed):
		return p.with[set]
	}
	h := hmac.New(sha256.New, []byte(maskSecret))
	h.Write([]byte(p.text))
	return strings.Replace(p.with[set], hashed, hex.EncodeToString(h.Sum(nil)[:8]), 1)
}

func text(t string) piece { return piece{text: t} }
func pass(t string) piece { return piece{text: t, rule: "words", with: [2]string{"***", hashed}} }
func acct(t string) piece { return piece{text: t, rule: "words", with: [2]string{hashed, "###"}} }
func find(t string) piece { return piece{text: t, rule: "found", with: [2]string{"***", hashed}} }

// trimmed is what one of the sets removes.
func trimmed(t string, by int) piece {
	p := piece{text: t, rule: "thin", with: [2]string{t, t}}
	p.with[by] = ""
	return p
}

// inQuotes is a value of JSON that gets quotes when it is hidden.
func inQuotes(t string) piece {
	return piece{text: t, rule: "words", with: [2]string{`"***"`, `"` + hashed + `"`}}
}

// random returns a number that belongs to a message.
func random(id, n int) uint64 {
	z := (uint64(id)<<8 | uint64(n)) * 0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// token is a secret that no other message has. Four of its letters in a row are in no line of
// a product, and in nothing that the gateway writes.
func token(id, n int) string {
	z := random(id, n)
	var b [16]byte
	for i := range b {
		b[i] = "QXZJ"[z&3]
		z >>= 2
	}
	return string(b[:])
}

// card is the number of a card.
func card(id int, between string) string {
	digits := fmt.Sprintf("492977135%06d", random(id, 9)%1e6)
	sum := 0
	for i, c := range []byte(digits) {
		d := int(c - '0')
		if i%2 == 0 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	digits += fmt.Sprint((10 - sum%10) % 10)
	return digits[:4] + between + digits[4:8] + between + digits[8:12] + between + digits[12:]
}

// leaks counts what of secrets is in p.
func leaks(p []byte) int { return leaksOf(p, 4) }

// leaksOf counts runs of so many letters of a token.
func leaksOf(p []byte, least int) (n int) {
	for i := 3; i < len(p); i += 4 {
		if !letter[p[i]] {
			continue
		}
		from, to := i, i+1
		for from > 0 && letter[p[from-1]] {
			from--
		}
		for to < len(p) && letter[p[to]] {
			to++
		}
		if to-from >= least {
			n++
		}
		i += (to - i) / 4 * 4
	}
	for _, part := range secretParts {
		n += bytes.Count(p, part)
	}
	return n
}

var letter = [256]bool{'Q': true, 'X': true, 'Z': true, 'J': true}

var secretParts = [][]byte{[]byte("492977135"), []byte("4929 7713"), []byte("4929-7713"), []byte("198.18."), []byte("2001:db8:5ec:")}

// form makes what is planted into the message with a number, behind its first keys.
type form func(id int) []piece

// bare are forms for any text of key=value, and CEF.
var bare = []form{
	func(id int) []piece { return []piece{text("gwpass="), pass(token(id, 0))} },
	func(id int) []piece {
		return []piece{text("gwpass="), pass(token(id, 0)), text(" gwacct="), acct(token(id, 1)), text(" gwpass="), pass(token(id, 2))}
	},
	func(id int) []piece {
		return []piece{text("gwpass="), pass("zö" + token(id, 0) + "ü€" + token(id, 1))}
	},
}

// quoted are forms that need the end of the line for themselves.
var quoted = append([]form{
	func(id int) []piece {
		return []piece{text(`gwpass="`), pass(token(id, 0) + " and " + token(id, 1)), text(`"`)}
	},
	func(id int) []piece {
		return []piece{text(`gwpass="`), pass(token(id, 0) + `\"` + token(id, 1)), text(`" ok`)}
	},
	func(id int) []piece {
		return []piece{text(`gwpass="`), pass(token(id, 0) + " has no end " + token(id, 1))}
	},
	func(id int) []piece { return []piece{text("gwpass: "), pass(token(id, 0)), text(" ok")} },
	func(id int) []piece { return []piece{text("GET /a?gwpass="), pass(token(id, 0)), text(" ok")} },
	func(id int) []piece {
		return []piece{text("gwpass='"), pass(token(id, 0) + " " + token(id, 1)), text("' ok")}
	},
	func(id int) []piece {
		return []piece{text("gw[["), {text: token(id, 0) + " " + token(id, 1), rule: "between", with: [2]string{"***", "xxx"}}, text("]] ok")}
	},
	func(id int) []piece { return []piece{text(`{"gwacct":"`), acct(token(id, 0)), text(`"}`)} },
}, bare...)

// objects are forms for members of JSON.
var objects = []form{
	func(id int) []piece { return []piece{text(`"gwpass":"`), pass(token(id, 0)), text(`"`)} },
	func(id int) []piece {
		return []piece{text(`"gwpass":"`), pass(token(id, 0) + `\"` + token(id, 1)), text(`"`)}
	},
	func(id int) []piece { return []piece{text(`"gwpass":`), inQuotes(`{"x":["` + token(id, 0) + `",1]}`)} },
	func(id int) []piece {
		return []piece{text(`"gwpass" : "`), pass(token(id, 0)), text(`","gwacct":"`), acct(`ö` + token(id, 1)), text(`"`)}
	},
}

// payments are forms that are found by their looks.
var payments = []form{
	func(id int) []piece { return []piece{text("card "), find(card(id, ""))} },
	func(id int) []piece { return []piece{text("card "), find(card(id, "-")), text(" ok")} },
	func(id int) []piece { return []piece{text("card "), find(card(id, " ")), text(".")} },
	func(id int) []piece {
		return []piece{text("mail <"), find(token(id, 0) + "@mail.example"), text("> sent")}
	},
	func(id int) []piece {
		return []piece{text("from "), find(fmt.Sprintf("198.18.%d.%d", random(id, 3)%256, random(id, 4)%256)), text(" port 1")}
	},
	func(id int) []piece {
		return []piece{text("from "), find(fmt.Sprintf("2001:db8:5ec::%x", 1+random(id, 3)%0xfffe)), text(" port 1")}
	},
}

func accounts(id int) []piece {
	return []piece{text("to "), {text: fmt.Sprintf("DE%02d%s", id%100, token(id, 0)), rule: "iban", with: [2]string{"IBAN", "***"}}, text(" ok")}
}

func blanks(id int) []piece {
	return []piece{{text: "a   b#011c  ", rule: "blanks", with: [2]string{"a b\tc ", "a b\tc "}}, text("gwpass="), pass(token(id, 0))}
}

// template is a kind of message.
type template struct {
	port          string // name of the source
	before, after string // what is planted
	object        bool
	rule          string // that leaves messages out
	users         int    // different values of gwuser; 0: it has none
	forms         []form
	parent        *template // of a line that continues another message; nil: it is a message

	base       hecEvent // what becomes of it without rules; the text is in begin and end
	begin, end string
	learnt     bool
}

// pieces are those of the message with a number.
func (t *template) pieces(id int, f form) []piece {
	poison := ""
	if id%503 == 0 {
		poison = "POISON" // the endpoint refuses it
	}
	if t.object {
		return append([]piece{
			text(fmt.Sprintf(`,"gwid":"%08d%s",`, id, poison)),
			trimmed(`"gwvd":"root",`, 0), trimmed(`"gwlog":7,`, 1),
		}, f(id)...)
	}
	list := []piece{
		text(fmt.Sprintf("gwid=%08d%s ", id, poison)),
		trimmed("gwvd=root ", 0), trimmed("gwlog=7 ", 1),
	}
	if t.users != 0 {
		list = append(list, text("gwuser="+t.user(id)+" "))
	}
	if f == nil {
		return append(list, long(id, ruledMax-len(t.before)-len(join(list, -1)))...)
	}
	return append(list, f(id)...)
}

// long are pieces of so many bytes, the last of which are within a secret that is cut.
func long(id, size int) []piece {
	const key = `gwpass="`
	value := token(id, 0) + strings.Repeat(" long", ruledMax/5) + " "
	value = value[:size-len(key)-7] + token(id, 1) // whose first 7 are in the message
	last := pass(value[:size-len(key)])
	last.cut = value[size-len(key):] + `" end`
	return []piece{text(key), last}
}

func (t *template) user(id int) string { return fmt.Sprintf("u%d", random(id, 5)%uint64(t.users)) }

// join writes pieces as they are received (set -1) or as a set leaves them.
func join(list []piece, set int) string {
	var b strings.Builder
	for i := range list {
		if set < 0 {
			b.WriteString(list[i].text)
		} else {
			b.WriteString(list[i].under(set))
		}
	}
	return b.String()
}

// continuing is a line that continues messages of a template.
func continuing(t *template) *template {
	return &template{port: t.port, before: " more ", after: " ok", forms: bare, parent: t}
}

// templates are those of the five families, of products, and of programs for which there are
// rules.
func templates(t *testing.T) (all []*template, products int) {
	const here = "\x00"
	// The day has two digits: "trim spaces" would change the two blanks before a single one.
	day := time.Now().UTC()
	if day.Day() < 10 {
		day = day.AddDate(0, 0, -10)
	}
	stamp := day.Format(time.Stamp)
	for _, port := range []string{"unifi", "palo_alto", "cisco_asa", "linux", "windows"} {
		before, after, _ := strings.Cut(line(port, here), here)
		one := template{port: port, before: before, after: " " + after, forms: bare}
		if port == "palo_alto" {
			one.rule = "system"
		}
		for range 8 {
			all = append(all, &one)
		}
		if port == "windows" {
			all = append(all, continuing(&one), continuing(&one))
		}
	}
	teardown := strings.Replace(line("cisco_asa", here), "302013: Built", "302014: Teardown", 1)
	before, _, _ := strings.Cut(teardown, here)
	all = append(all, &template{port: "cisco_asa", before: before, forms: quoted, rule: "teardown"})
	for _, p := range []struct {
		priority      int
		program, says string
		rule          string
		users         int
		forms         []form
	}{
		{38, "app", "x ", "", 0, quoted}, {38, "app", "x ", "", 0, quoted}, {38, "app", "x ", "", 0, quoted},
		{38, "gone", "zone=dmz ", "gone", 0, quoted}, {38, "gone", "zone=lan ", "", 0, quoted},
		{31, "noisy", "x ", "debug", 0, quoted}, {30, "noisy", "x ", "", 0, quoted},
		{38, "tenth", "x ", "tenth", 0, quoted}, {38, "calm", "x ", "calm", 3, quoted}, {38, "storm", "x ", "storm", 2, quoted},
		{38, "steady", "x ", "steady", 3, quoted}, {38, "whois", "x ", "", 4, quoted}, {38, "abroad", "x ", "", 4, quoted},
		{38, "pay", "x ", "", 0, payments}, {38, "pay", "x ", "", 0, payments},
		{38, "bank", "x ", "", 0, []form{accounts}}, {38, "thin", "x ", "", 0, []form{blanks}}, {38, "long", "x ", "", 0, []form{nil}},
	} {
		one := template{
			port: "linux", before: fmt.Sprintf("<%d>%s web1 %s[12]: %s", p.priority, stamp, p.program, p.says),
			rule: p.rule, users: p.users, forms: p.forms,
		}
		for range 4 {
			all = append(all, &one)
		}
	}
	for range 4 {
		all = append(all, &template{port: "unifi", before: "<13>nobody ", forms: bare})
	}
	for _, p := range testkit.Try(catalog.Load())(t) {
		if len(p.Tests) == 0 || p.Separator != 0 {
			continue
		}
		first := &p.Tests[0]
		l := first.Line
		if first.Pinned || first.Not || first.Pack != "" || first.Sender.IsValid() || first.Vendor != "" || len(first.Options) != 0 ||
			l[0] != '<' || strings.ContainsAny(l, "\n\x00") || strings.Contains(l, "LEEF:") || leaks([]byte(l)) != 0 {
			continue
		}
		one := &template{port: "unifi", before: l + " ", forms: quoted}
		switch i := strings.IndexByte(l, '{'); {
		case strings.Contains(l, "CEF:"):
			one.forms = bare
		case i >= 0 && strings.HasSuffix(l, "}") && json.Valid([]byte(l[i:])):
			one.before, one.after, one.object, one.forms = l[:len(l)-1], "}", true, objects
		}
		all = append(all, one)
		products++
	}
	return all, products
}

// hecEvent is an event as HEC gets it. Only the times of those that want one are compared.
type hecEvent struct {
	Time                                   json.Number
	Host, Source, Sourcetype, Index, Event string
	Fields                                 map[string]string
}

func (e *hecEvent) equal(o *hecEvent) bool {
	return (o.Time == "" || e.Time == o.Time) && e.Event == o.Event && e.Host == o.Host && e.Source == o.Source && e.Sourcetype == o.Sourcetype && e.Index == o.Index && maps.Equal(e.Fields, o.Fields)
}

// idOf returns the number of the message of a text, or -1.
func idOf(text string) int {
	i := strings.Index(text, "gwid")
	if i < 0 {
		return -1
	}
	id := 0
	digits := strings.TrimLeft(text[i+4:], `":=\`)
	for i = 0; i < 8 && i < len(digits) && digits[i] >= '0' && digits[i] <= '9'; i++ {
		id = id*10 + int(digits[i]-'0')
	}
	if i != 8 {
		return -1
	}
	return id
}

// timeIn is the time of a template's messages, which have none but that of their header, if
// their clock is that of a zone.
func (t *template) timeIn(zone string) json.Number {
	loc, err := time.LoadLocation(zone)
	if err != nil {
		panic(err)
	}
	_, text, _ := strings.Cut(t.before, ">")
	at, err := time.Parse(time.Stamp, text[:len(time.Stamp)])
	if err != nil {
		panic(err)
	}
	now := time.Now().UTC()
	year := now.Year()
	if at.Month() == time.December && now.Month() == time.January {
		year--
	}
	at = time.Date(year, at.Month(), at.Day(), at.Hour(), at.Minute(), at.Second(), 0, loc)
	return json.Number(fmt.Sprint(at.Unix()))
}

// want is what a generation of the rules makes of a message.
func (t *template) want(id int, f form, generation int, sender, transport string) hecEvent {
	set := generation % 2
	e, begin, end := t.base, t.begin, t.end
	if t.parent != nil {
		e, begin, end = t.parent.base, t.before, t.after
	}
	e.Fields = maps.Clone(e.Fields)
	e.Event = begin + join(t.pieces(id, f), set) + end
	g := fmt.Sprint(generation)
	word := [2]string{"a", "b"}[set]
	e.Fields["generation"], e.Fields["sender_ip"], e.Fields["transport"] = g, sender, transport
	if e.Host == "127.0.0.1" { // it names none
		e.Host = sender
	}
	switch {
	case strings.HasPrefix(sender, "127.0.1."):
		e.Fields["site"], e.Index = "north-"+g, "net_"+word
	case strings.HasPrefix(sender, "127.0.2."):
		e.Fields["site"] = "south-" + g
	}
	if strings.EqualFold(e.Host, "web1") {
		e.Fields["owner"], e.Sourcetype = "web-"+g, "web:"+word
	}
	if strings.Contains(t.before, " whois[") {
		switch t.user(id) {
		case "u1":
			e.Fields["team"], e.Host = "one-"+g, "desk-"+word
		case "u2":
			e.Fields["team"] = "two-" + g
		}
	}
	if strings.Contains(t.before, " abroad[") {
		e.Time = t.timeIn(zones[t.user(id)][set])
	}
	if t.port == "cisco_asa" {
		e.Index, e.Sourcetype, e.Fields["zone"] = "asa_"+word, "asa:"+word, word
	}
	if rates, ok := samples[t.rule]; ok {
		e.Fields["sample_rate"] = rates[set]
	}
	return e
}
