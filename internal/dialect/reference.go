package dialect

import (
	"fmt"
	"strings"
)

// Reference writes docs/metadata.md: what Splunk gets of each class, by both
// profiles. A test holds the file to it.
func Reference() string {
	var b strings.Builder
	b.WriteString(referenceHead)
	b.WriteString("| class | family | sourcetype | index | source | vendor_product |\n|---|---|---|---|---|---|\n")
	for i := range classTable {
		row := &classTable[i]
		fmt.Fprintf(&b, "| `%s` | %s | `%s` | %s | `%s` | `%s` |\n", row.name, firstOf(row.vendor, "any"),
			row.standard.sourcetype, firstOf(row.standard.index, "the port's"),
			completed(firstOf(row.standard.source, "syslog:<port>")), row.product)
	}
	b.WriteString(referenceSC4S)
	b.WriteString("| class | sourcetype | index | source | sc4s_vendor | sc4s_product | sc4s_class |\n|---|---|---|---|---|---|---|\n")
	for i := range classTable {
		n := &classTable[i].sc4s
		fmt.Fprintf(&b, "| `%s` | `%s` | %s | `%s` | %s | %s | %s |\n", classTable[i].name, n.sourcetype,
			n.index, completed(firstOf(n.source, "sc4s")), cefPart(n.vendor, "vendor"), cefPart(n.product, "product"), cefPart(n.class, "signature"))
	}
	return b.String()
}

// completed shows what an open source is completed by.
func completed(source string) string {
	switch source {
	case "program:":
		return "program:<program>"
	case "XmlWinEventLog:":
		return "XmlWinEventLog:<Channel>"
	}
	return source
}

// cefPart shows what of the CEF header a field holds.
func cefPart(value, part string) string {
	if value == fromCEF {
		return "*" + part + "*"
	}
	return value
}

const referenceHead = `# Classes and their metadata

Every message gets one class. The class decides sourcetype, index, source and some indexed fields; ` + "`metadata.overrides`" + `
changes any of the three for one class:

` + "```yaml" + `
metadata:
  overrides:
    pan_traffic: {index: netfw, sourcetype: "pan:firewall"}
` + "```" + `

The first that is set decides: for the sourcetype the source's own ` + "`sourcetype`" + `, the override, the table; for the index the
override, the table, the source's own ` + "`index`" + `. A class with an index of its own gets it only on a port of its family or an
` + "`auto`" + ` port; elsewhere it gets that port's index.

Classes that nobody wants to pay for are left out, or all but one in N, and counted as dropped with the reason ` + "`rule`" + `; what
is kept of a sampled class has the field ` + "`sample_rate`" + `. ` + "`sources.NAME.fields`" + ` adds fields to all events of a source. Messages
that do not say their host get the sender's name from ` + "`metadata.hosts_file`" + `, else its address; SIGHUP reads that file again:

` + "```yaml" + `
metadata:
  drop: [unifi_wireless]
  sample: {pan_traffic: 10}
  hosts_file: /etc/syslog-gateway/hosts.csv    # lines such as 192.0.2.7,switch-7
sources:
  linux: {port: 1517, vendor: linux, index: os, fields: {site: berlin}}
` + "```" + `

` + "`gateway parse --source NAME --explain < lines.log 2>&1`" + ` says of each message which class it gets, and which rule chose class,
host and time. This file is generated from the tables of ` + "`internal/dialect`" + `.

## Host

` + "`host`" + ` is the name or address that the message gives for its device, else what is known of the sender. One rule says what can be
one, wherever in a message it stands:

| in the message | host |
|---|---|
| ` + "`web1`, `UCK-G2+`, `U6+`, `Joe's-UDM`, `UDM(Home)`, `fw#1`, `R&D-gw`, `a_b`, `Büro-AP`" + ` | the same |
| ` + "`fw.example.com.`" + ` | ` + "`fw.example.com`" + ` |
| ` + "`::ffff:192.0.2.1`, `[2001:db8::7]`, `fe80::1%eth0`" + ` | ` + "`192.0.2.1`, `2001:db8::7`, `fe80::1`" + ` |
| ` + "`999.999.999.999`, `192.168.001.010`, `0.0.0.0`, `::`, `...`, `(none)`" + ` | the sender's |
| numbers, time zones (` + "`UTC+1`" + `), ` + "`PM`" + `, ` + "`Mar`, `Sun`" + `, ` + "`INFO`, `kern.info`" + `, uptimes (` + "`2y10w`" + `) | the sender's |
| words with a double quote, a bracket of ` + "`[] {} <>`" + ` or one of ` + "`= \\| , ; : / \\ % * ?`" + ` | the sender's |

A word that cannot be a host is skipped; what stands behind it is read all the same. A name of several words cannot be told from
a name and the text behind it: the first word is the host.

## Time

` + "`time`" + ` is the time that the message gives, in the zone that it names (` + "`CEST`, `+02:00`, `UTC+1`, `GMT-5`, `UTC+5:30`" + `: positive is
east), else in the source's ` + "`timezone`" + `. A clock of twelve hours is read (` + "`04:35:12 PM`, `04:35:12 PM.123456`" + `). A time that does not
exist (` + "`24:00:00`, `25:61:00`, `2025-11-31`" + `), and one that is more than 30 days old or a day ahead, is replaced by the
receive time, and the event has ` + "`time_clamped`" + `; the rest of the header is read as always. The second 60 is a leap second.

## Profile default

Fields: ` + "`vendor_product`" + ` and ` + "`class`" + `.

`

const referenceSC4S = `
## Profile sc4s

The names that Splunk Connect for Syslog gives the same messages. The index is the table's, whatever port a message came in by.
Classes that it has no parser for have the names of what it takes them for. *vendor*, *product* and *signature* are those of the
message's CEF header. Host names are written in lower case.

`
