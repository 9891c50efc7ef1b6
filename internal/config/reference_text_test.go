package config

import (
	"fmt"
	"strings"
)

// referenceText returns docs/configuration.md: for each section an example, and one row per
// key with its default, meaning, type, allowed values, and whether a reload applies a change.
func referenceText() string {
	var b strings.Builder
	b.WriteString(referenceHead)
	defaults := defaultTexts()
	eachKey(func(heading string, k key) {
		if heading != "" {
			fmt.Fprintf(&b, "\n## %s\n\n%s```yaml\n%s```\n\n| Key | Default | Meaning | Reload |\n|---|---|---|---|\n", heading, sectionText(heading), examples[heading])
		}
		reload := "yes"
		if k.applies == restart {
			reload = "restart"
		}
		t := resolve(strings.Split(k.pattern, "."))
		allowed := ""
		if typeName(t) != k.rule.allowed {
			allowed = ": " + k.rule.allowed
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s<br>*%s*%s | %s |\n",
			strings.ReplaceAll(k.pattern, "*", "NAME"), cell(defaults[k.pattern]), cell(k.meaning), typeName(t), cell(allowed), reload)
	})
	b.WriteString(referenceTail)
	return b.String()
}

// sectionText is what a section's table cannot say.
func sectionText(section string) string {
	switch section {
	case "sources":
		var rows strings.Builder
		d := Default().Sources
		for _, name := range []string{"unifi", "palo_alto", "cisco_asa", "linux", "windows"} {
			s := d[name]
			fmt.Fprintf(&rows, "| `%s` | %d | %s | %s |\n", name, s.Port, s.Vendor, s.Index)
		}
		return "You choose NAME (a-z, 0-9, _ and -). It is a label of the metrics. If the file has no `sources` section, these sources\n" +
			"exist. A `sources` section replaces them:\n\n| Source | Port | Vendor | Index |\n|---|---|---|---|\n" + rows.String() +
			"\nTwo sources can share a port if they use different protocols (all but udp count as one) or listen on different addresses.\n\n"
	case "metadata":
		return "NAME is the class of an event: the value of its field `class`.\n\n"
	}
	return ""
}

// cell makes text fit for a cell of a table.
func cell(s string) string { return strings.ReplaceAll(s, "|", "\\|") }

// examples are what people set most, by section. TestReferenceExamples loads each of them.
var examples = map[string]string{
	"sources": `sources:
  linux: {port: 1517, vendor: linux, index: os, timezone: Europe/Berlin}
  devices:                                  # everything that has no port of its own
    port: 1520
    vendor: auto
    index: network
    timezones: {10.2.0.0/16: America/New_York}
    allow: [10.0.0.0/8]
  linux_tls:
    port: 6514
    vendor: linux
    index: os
    protocols: [tls]
    tls: {cert_file: /etc/syslog-gateway/tls/gateway.pem, key_file: /etc/syslog-gateway/tls/gateway.key}
`,
	"metadata": `metadata:
  indexes: {netfw: firewall, netids: firewall, "*": network}
  overrides:
    linux_secure: {index: security}
  sample: {pan_traffic: 10}                 # one in ten
  hosts_file: /etc/syslog-gateway/hosts.csv
`,
	"packs": `packs:
  senders: {192.0.2.0/24: mikrotik_routeros}
  options: [isc_bind.on_linux]
`,
	"batch": `batch:
  max_age: 1s                               # fewer and larger requests, events come later
`,
	"loops": `loops:
  udp: 4                                    # sockets of each UDP port, on a machine with 16 processors
`,
	"balancer": `balancer:
  shards: 2                                 # for a small machine
`,
	"queue": `queue:
  max_size: 200GB
  when_full: drop_oldest                    # the newest events matter more than the oldest
`,
	"hec": `hec:
  endpoints: [https://idx1.example.com:8088, https://idx2.example.com:8088]
  tls: {ca_file: /etc/syslog-gateway/splunk-ca.pem}
  fallback_index: lastchance
`,
	"dead_letter": `dead_letter:
  max_size: 5GB
`,
	"stats": `stats:
  username: ops
  password_hash: "$2y$10$GV2mIpTNmAGL4jtYgSJRwOiQQBXkTSHvJ6Gy0wKTNVXr8zc8tYfbO"
  to_splunk: true
  splunk_index: os
`,
	"log": `log:
  level: debug
`,
	"Other keys": `shutdown_timeout: 10s
`,
}

const referenceHead = `# Configuration

<!-- Generated from internal/config/keys.go; a test compares. To generate it again: go test ./internal/config -run TestReference -update -->

The gateway reads one YAML file: ` + "`/etc/syslog-gateway/gateway.yaml`" + `, or the one that you name with ` + "`-c`" + `. An empty file
is valid. Later layers override earlier ones:

1. the defaults below
2. the file
3. environment variables: ` + "`GATEWAY_`" + ` and the key in capitals, with ` + "`__`" + ` between levels: ` + "`GATEWAY_QUEUE__MAX_SIZE=50GB`" + `,
   ` + "`GATEWAY_SOURCES__LINUX__PORT=5517`" + `. Separate the items of a list by commas. Write a map as in YAML:
   ` + "`GATEWAY_SOURCES__LINUX__TIMEZONES={10.1.0.0/16: Europe/Berlin}`" + `. Write ` + "`_`" + ` for a hyphen in a name.
   A variable cannot remove a source. An unknown variable with this prefix is an error, except the variables that Kubernetes
   and Docker set for a service called ` + "`gateway`" + ` (` + "`GATEWAY_PORT…`, `GATEWAY_SERVICE_…`" + `).
4. command-line flags that have the name of a key

How to write values:

- Sizes have a unit: ` + "`KiB MiB GiB TiB` (powers of 1024), `kB MB GB TB` (powers of 1000)" + `. A number without a unit means bytes.
- Durations have a unit: ` + "`250ms`, `5s`, `10m`, `1h30m`" + `. A number without a unit is an error.
- Keys are lower case. An unknown key, a key without a value, a duplicate key and a second YAML document are errors.

` + "`gateway check`" + ` reports all problems at once. ` + "`gateway config`" + ` prints the result of all layers, with secrets as ` + "`<secret>`" + `.
` + "`gateway config schema`" + ` prints a JSON Schema (draft 7), by which editors with a YAML language server complete keys and mark mistakes:
write it into a file and put ` + "`# yaml-language-server: $schema=FILE`" + ` into the first line of gateway.yaml. The manual page
` + "`gateway.yaml(5)`" + ` has this reference, too.

On SIGHUP the gateway reads the configuration again. If it is invalid, the gateway refuses it and keeps the old one. Changes of
keys with "yes" in the column Reload are applied at once, without closing a socket. All other changes, and adding or removing a
source, need a restart. The token is read again too, except from the systemd credential, which systemd copies when the service
starts.
`

const referenceTail = `
## The HEC token

The gateway uses the first of these that exists:

1. ` + "`SPLUNK_HEC_TOKEN`" + ` in the environment
2. the file that ` + "`hec.token_file`" + ` names
3. the systemd credential ` + "`hec_token`" + `: the unit loads it from ` + "`/etc/syslog-gateway/hec_token`" + `, which only root must be able to read
4. ` + "`hec.token`" + ` (or ` + "`GATEWAY_HEC__TOKEN`" + `)

Only the service can see the credential. The verbs ` + "`check`, `deadletter replay` and `support-bundle`" + ` read the files of credentials
in ` + "`/etc/syslog-gateway`" + ` themselves when root runs them.
`
