package vendor

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
host and time. This file is generated from the tables of ` + "`internal/vendor`" + `.

## Profile default

Fields: ` + "`vendor_product`" + ` and ` + "`class`" + `.

`

const referenceSC4S = `
## Profile sc4s

The names that Splunk Connect for Syslog gives the same messages. The index is the table's, whatever port a message came in by.
Classes that it has no parser for have the names of what it takes them for. *vendor*, *product* and *signature* are those of the
message's CEF header. Host names are written in lower case.

`
