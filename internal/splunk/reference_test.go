package splunk

import (
	"cmp"
	"fmt"
	"os"
	"strings"
	"testing"

	"syslog-gateway/internal/dialect"
)

const referenceFile = "../../docs/metadata.md"

// TestReference compares docs/metadata.md with the tables. UPDATE=1 writes the file.
func TestReference(t *testing.T) {
	want := reference()
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile(referenceFile, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(referenceFile)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("%s differs from the tables; UPDATE=1 go test ./internal/splunk writes it", referenceFile)
	}
}

// reference returns the text of docs/metadata.md: what Splunk gets of each class, in
// both profiles.
func reference() string {
	var b strings.Builder
	b.WriteString(referenceHead)
	b.WriteString("| class | family | sourcetype | index | source | vendor_product |\n|---|---|---|---|---|---|\n")
	for i, c := range dialect.Classes(nil) {
		n := &table[i].standard
		fmt.Fprintf(&b, "| `%s` | %s | `%s` | %s | `%s` | `%s` |\n", c.Name, cmp.Or(c.Family, "any"),
			n.sourcetype, cmp.Or(n.index, "the port's"), completed(cmp.Or(n.source, "syslog:<port>")), c.Product)
	}
	b.WriteString(referenceSC4S)
	b.WriteString("| class | sourcetype | index | source | sc4s_vendor | sc4s_product | sc4s_class |\n|---|---|---|---|---|---|---|\n")
	for i, c := range dialect.Classes(nil) {
		n := &table[i].sc4s
		fmt.Fprintf(&b, "| `%s` | `%s` | %s | `%s` | %s | %s | %s |\n", c.Name, n.sourcetype,
			n.index, completed(cmp.Or(n.source, "sc4s")), cefPart(n.vendor, "vendor"), cefPart(n.product, "product"), cefPart(n.class, "signature"))
	}
	return b.String()
}

// completed shows what a message adds to a source that ends with a colon.
func completed(source string) string {
	switch source {
	case "program:":
		return "program:<program>"
	case "XmlWinEventLog:":
		return "XmlWinEventLog:<Channel>"
	}
	return source
}

// cefPart shows which part of the CEF header a field has.
func cefPart(value, part string) string {
	if value == fromCEF {
		return "*" + part + "*"
	}
	return value
}

const referenceHead = `# Classes and their metadata

Every message gets one class. The class decides sourcetype, index, source and some indexed fields. This page has the classes of the
five built-in families; those of all other products are in [products.md](products.md), and the same rules hold for them.
` + "`metadata.overrides`" + ` changes any of the three for one class:

` + "```yaml" + `
metadata:
  overrides:
    pan_traffic: {index: netfw, sourcetype: "pan:firewall"}
` + "```" + `

The first value that is set is used. Sourcetype: the source's ` + "`sourcetype`" + `, the override, the table. Index: the override, the one that
` + "`metadata.indexes`" + ` has for the [role](packs.md#profiles-and-roles), the table, the source's ` + "`index`" + `. The role of a class is its index
in the second table; in profile sc4s ` + "`metadata.indexes`" + ` does not count. An index in the first table is used only on a port of the class's family or
on an ` + "`auto`" + ` port; on other ports the class gets the index of the port.

` + "`drop`" + ` discards whole classes. ` + "`sample`" + ` keeps one event in N of a class and adds the field ` + "`sample_rate`" + `. Both are counted as
dropped, reason ` + "`rule`" + `. [Rules](rules.md) do it by conditions. ` + "`sources.NAME.fields`" + ` adds fields to all events of a source. A message that does not name its host gets
the sender's name from ` + "`metadata.hosts_file`" + `, or the sender's address. SIGHUP reads that file again:

` + "```yaml" + `
metadata:
  drop: [unifi_wireless]
  sample: {pan_traffic: 10}
  hosts_file: /etc/syslog-gateway/hosts.csv    # lines such as 192.0.2.7,switch-7
sources:
  linux: {port: 1517, vendor: linux, index: os, fields: {site: berlin}}
` + "```" + `

` + "`gateway parse --source NAME --explain < lines.log 2>&1`" + ` shows the class of each message, and which rule chose
class, host and time. This file is generated from the tables of ` + "`internal/dialect`" + ` and ` + "`internal/splunk`" + `.

## Host

` + "`host`" + ` is the device's name or address in the message, or else the sender's name or address. The same rule for host names is used
everywhere in a message:

| in the message | host |
|---|---|
| ` + "`web1`, `UCK-G2+`, `U6+`, `Joe's-UDM`, `UDM(Home)`, `fw#1`, `R&D-gw`, `a_b`, `Büro-AP`" + ` | the same |
| ` + "`fw.example.com.`" + ` | ` + "`fw.example.com`" + ` |
| ` + "`::ffff:192.0.2.1`, `[2001:db8::7]`, `fe80::1%eth0`" + ` | ` + "`192.0.2.1`, `2001:db8::7`, `fe80::1`" + ` |
| ` + "`999.999.999.999`, `192.168.001.010`, `0.0.0.0`, `::`, `...`, `(none)`" + ` | the sender's |
| numbers, time zones (` + "`UTC+1`" + `), ` + "`PM`" + `, ` + "`Mar`, `Sun`" + `, ` + "`INFO`, `kern.info`" + `, uptimes (` + "`2y10w`" + `) | the sender's |
| words with a double quote, a bracket of ` + "`[] {} <>`" + ` or one of ` + "`= \\| , ; : / \\ % * ?`" + ` | the sender's |

A word that cannot be a host is skipped, and what follows it is read as usual. A name of several words looks like a name followed by
text, so only its first word becomes the host.

## Time

` + "`time`" + ` is the time in the message. Its zone is the one in the message (` + "`CEST`, `+02:00`, `UTC+1`, `GMT-5`, `UTC+5:30`" + `: positive is
east), or else the source's ` + "`timezone`" + `. Twelve-hour clocks are understood (` + "`04:35:12 PM`, `04:35:12 PM.123456`" + `). A time that does not
exist (` + "`24:00:00`, `25:61:00`, `2025-11-31`" + `), or that is more than 30 days old or more than one day ahead, is replaced by the
receive time, and the event gets the field ` + "`time_clamped`" + `. The rest of the header is read as usual. The second 60 is a leap second.

## Profile default

Fields: ` + "`vendor_product`" + ` and ` + "`class`" + `.

`

const referenceSC4S = `
## Profile sc4s

The names that Splunk Connect for Syslog gives the same messages. The index is the one in the table, whatever port received the
message. Where Splunk Connect for Syslog has no parser for a class, the names are those of the class that it chooses instead.
*vendor*, *product* and *signature* come from the CEF header of the message. Host names are written in lower case.

`
