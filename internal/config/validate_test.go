package config

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// TestValues has one line a key with a bound: what is accepted, what is refused.
func TestValues(t *testing.T) {
	tls := "protocols: [tls], tls: {cert_file: c, key_file: k}"
	for _, c := range []struct {
		key  string // dotted; a is the source
		good string // values separated by blanks
		bad  string
	}{
		{"sources.a.port", "1 514 65535", "0 -1 65536"},
		{"sources.a.vendor", "unifi palo_alto cisco_asa linux windows auto", "paloalto '' Linux"},
		{"sources.a.index", "'' os my-index os_2 '0'", "Main _internal -x a.b 'a,b'"},
		{"sources.a.sourcetype", "'' cisco:asa XmlWinEventLog linux_secure", "'a,b' 'ä' ':x;y' _x"},
		{"sources.a.address", "'' 127.0.0.1 '::' '::1' 0.0.0.0", "localhost 127.0.0.1:1 '[::1]' 1.2.3"},
		{"sources.a.protocols", "[udp] [tcp] [udp,tcp] [relp] [udp,relp]", "[] [sctp] [UDP] [udp,udp] [tls] [tls,tcp] [relp_tls] [relp,tcp] [relp,relp]"},
		{"sources.a.timezone", "UTC Europe/Berlin America/New_York Etc/GMT+5", "'' Local CET+1 Mars/Base ../x"},
		{"sources.a.timezones", "{} {10.0.0.0/8:Europe/Berlin} {'::/0':UTC}", "{10.0.0.0/8:Nowhere} {10.0.0.1/8:UTC} {host:UTC} {'::ffff:10.0.0.0/90':UTC} {10.0.0.0/8:UTC,'::ffff:10.0.0.0/104':UTC}"},
		{"sources.a.fields", "{} {site:berlin} {Rack_7:'a,b/ä'}", "{site:''} {_x:y} {1x:y} {a-b:y} {class:y} {host:y} {sc4s_class:y} {sample_rate:y} {site:1} {site:'" + strings.Repeat("x", 257) + "'}"},
		{"sources.a.max_message_size", "480 64KiB 1MiB", "479 1048577"},
		{"sources.a.proxy_protocol", "[] [10.1.0.10/32] ['2001:db8::10/128']", "[10.1.0.10] [10.1.0.10/8] [all] [10.1.0.10/32,10.1.0.10/32]"},
		{"sources.a.allow", "[] [10.0.0.0/8] ['::/0',192.0.2.7/32] ['::ffff:10.0.0.0/104']", "[10.0.0.0] [10.0.0.1/8] [all] [10.0.0.0/33] [10.0.0.0/8,10.0.0.0/8] ['::ffff:0.0.0.0/95'] ['::ffff:10.0.0.1/104'] ['::ffff:10.0.0.1']"},
		{"sources.a.max_connections", "1 1000000", "0 1000001 -1"},
		{"sources.a.idle_timeout", "1s 168h", "999ms 169h -1s"},
		{"sources.a.relp.ack", "synced queued", "secured '' none"},
		{"sources.a.relp.max_unacked", "1 1000000", "0 1000001"},
		{"sources.a.receive_buffer", "4KiB 1GiB", "4095 2GiB"},
		{"sources.a.tls.min_version", "1.2 1.3 '1.2'", "1.1 1 tls12 '' 1.20001"},
		{"metadata.profile", "default sc4s", "splunk ''"},
		{"metadata.drop", "[] [unifi_wireless] [unifi_wireless,pan_traffic]", "[Unifi] [a-b] [''] [x,x] x"},
		{"metadata.sample", "{} {pan_traffic:10} {pan_traffic:2,x:1000000}", "{pan_traffic:1} {pan_traffic:0} {pan_traffic:1000001} {pan_traffic:'2'} {PAN:2} {x:-1} [x]"},
		{"metadata.hosts_file", "'' /etc/hosts.csv hosts.csv", `[a] 7 "a\u0007"`},
		{"batch.max_bytes", "4KiB 8MiB", "4095 8388609"},
		{"batch.max_age", "1ms 1m", "0s 61s"},
		{"batch.max_events", "1 1000000", "0 1000001"},
		{"loops.udp", "auto 1 64", "0 65 -1 automatic"},
		{"loops.tcp", "auto 1 64", "0 65"},
		{"balancer.shards", "auto 1 64", "0 65"},
		{"balancer.policy", "round_robin least_pending source_hash", "random ''"},
		{"queue.path", "/q ./q q", "'' /q%d '100%' ' '"},
		{"queue.max_size", "4MiB 100TB", "4194303 1MB 0"},
		{"queue.segment_size", "64KiB 4GiB", "65535 5GiB"},
		{"queue.sync_interval", "1ms 1m", "0s 2m"},
		{"queue.min_free", "0 100TB", "101TB"},
		{"queue.when_full", "block drop_oldest drop_newest", "drop"},
		{"hec.endpoints", "[https://s:8088] [http://127.0.0.1:1,'http://[::1]:2'] [https://s] [https://s/prefix]",
			"[] [s:8088] [ftp://s] [https://] ['https://:8088'] [https://s:0] [https://s:99999] ['https://s:'] ['https://s?x=1'] ['https://s#x'] [https://u@s] [https://s/services/collector/event] [https://s,https://s]"},
		{"hec.compression", "gzip none", "zstd"},
		{"hec.in_flight", "1 64", "0 65"},
		{"hec.timeout", "100ms 10m", "99ms 11m"},
		{"hec.ack.poll_interval", "100ms 1m", "99ms 5m"},
		{"hec.ack.timeout", "11s 1h", "10s 2h"},
		{"hec.retry.initial", "10ms 30s", "9ms 31s 2m"},
		{"hec.retry.max", "250ms 1h", "249ms 2h"},
		{"hec.health_interval", "100ms 10m", "0s 11m"},
		{"dead_letter.path", "/d", "'' /var/lib/syslog-gateway/queue /var/lib/syslog-gateway/x/../queue/"},
		{"dead_letter.max_size", "64KiB 1TB", "1"},
		{"stats.listen", "':8404' 127.0.0.1:1 '[::1]:65535' localhost:8404", "8404x ':0' ':65536' 'a b:1' '' ':http'"},
		{"stats.username", "'' admin", "'a:b'"},
		{"stats.splunk_interval", "1s 1h", "0s 2h"},
		{"stats.password_hash", "''", "secret $2y$x"},
		{"log.level", "debug info warn error", "trace INFO"},
		{"log.format", "auto text json journal", "logfmt"},
		{"shutdown_timeout", "1s 10m", "0s 11m"},
	} {
		for _, value := range strings.Fields(c.good) {
			if _, err := loadText(t, nested(c.key, value)); err != nil {
				t.Errorf("%s: %s is refused: %v", c.key, value, err)
			}
		}
		for _, value := range splitValues(c.bad) {
			_, err := loadText(t, nested(c.key, value))
			if err == nil {
				t.Errorf("%s: %s is accepted", c.key, value)
			} else if !strings.Contains(err.Error(), ": "+c.key) && !strings.Contains(err.Error(), ": "+c.key[:strings.LastIndexByte(c.key, '.')+1]) {
				t.Errorf("%s: %s: the error does not name the key: %v", c.key, value, err)
			}
		}
	}
	if _, err := loadText(t, "sources: {a: {port: 1, "+tls+"}}"); err != nil {
		t.Error(err)
	}
}

// nested writes a key with dots as YAML of one line.
func nested(key, value string) string {
	// In flow style a colon has to be followed by a blank.
	value = strings.NewReplacer(":Europe", ": Europe", ":UTC", ": UTC", ":Nowhere", ": Nowhere",
		"site:", "site: ", "Rack_7:", "Rack_7: ", "pan_traffic:", "pan_traffic: ", "x:", "x: ", ":y", ": y", "PAN:", "PAN: ").Replace(value)
	names := strings.Split(key, ".")
	text := names[len(names)-1] + ": " + value
	for i := len(names) - 2; i >= 0; i-- {
		if i == 1 && names[0] == "sources" && names[2] != "port" {
			text = "port: 5514, " + text
		}
		text = names[i] + ": {" + text + "}"
	}
	return text
}

// splitValues splits at blanks outside quotes.
func splitValues(s string) []string {
	var values []string
	quoted, start := false, 0
	for i, r := range s + " " {
		switch {
		case r == '\'':
			quoted = !quoted
		case r == ' ' && !quoted:
			if i > start {
				values = append(values, s[start:i])
			}
			start = i + 1
		}
	}
	return values
}

func TestSourceNames(t *testing.T) {
	for name, good := range map[string]bool{
		"linux": true, "lab-1": true, "a": true, "2nd": true, "palo_alto": true, strings.Repeat("a", 64): true,
		"Linux": false, "a b": false, "-a": false, "_a": false, "a__b": false, "a.b": false, "ü": false, strings.Repeat("a", 65): false, "\"\"": false,
	} {
		_, err := loadText(t, "sources: {"+name+": {port: 5514}}")
		if good != (err == nil) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestNoSources(t *testing.T) {
	_, err := loadText(t, "sources: {}")
	wantError(t, err, "sources: there is no source")
}

func TestPortsThatCollide(t *testing.T) {
	tls := "protocols: [tls], tls: {cert_file: c, key_file: k}"
	for _, c := range []struct {
		a, b string
		good bool
	}{
		{"", "", false},
		{"protocols: [udp]", "protocols: [udp]", false},
		{"protocols: [udp]", "protocols: [tcp]", true},
		{"protocols: [tcp]", tls, false},
		{"protocols: [udp]", tls, true},
		{"address: 127.0.0.1", "address: 127.0.0.2", true},
		{"address: 127.0.0.1", "address: 127.0.0.1", false},
		{"address: 127.0.0.1", "", false},
		{"address: 127.0.0.1", "address: 0.0.0.0", false},
		{"address: '::1'", "address: 0.0.0.0", true},
		{"address: '::1'", "address: '::'", false},
		{"address: 127.0.0.1", "address: '::'", false},
		{"address: '::1'", "address: '0:0::1'", false},
		{"address: '::ffff:127.0.0.1'", "address: 127.0.0.1", false},
	} {
		_, err := loadText(t, fmt.Sprintf("sources:\n  a: {port: 5514, %s}\n  b: {port: 5514, %s}\n", c.a, c.b))
		switch {
		case c.good && err != nil:
			t.Errorf("%q and %q: %v", c.a, c.b, err)
		case !c.good:
			wantError(t, err, ":3: sources.b.port: 5514 is taken by sources.a.port")
		}
	}
	_, err := loadText(t, "sources: {a: {port: 8404}}")
	wantError(t, err, "stats.listen: 8404 is taken by sources.a.port")
	_, err = loadText(t, "sources: {a: {port: 8404, address: 127.0.0.1}}\nstats: {listen: localhost:8404}")
	wantError(t, err, ":2: stats.listen: 8404 is taken by sources.a.port (tcp on 127.0.0.1)")
	if _, err = loadText(t, "sources: {a: {port: 8404, protocols: [udp]}}"); err != nil {
		t.Error(err)
	}
}

func TestKeysThatBelongTogether(t *testing.T) {
	for yaml, want := range map[string]string{
		"sources: {a: {port: 1, protocols: [tls]}}":                                        "sources.a.tls: protocol tls needs cert_file and key_file",
		"sources: {a: {port: 1, protocols: [tls], tls: {cert_file: c}}}":                   "sources.a.tls: protocol tls needs",
		"sources: {a: {port: 1, tls: {cert_file: c, key_file: k}}}":                        "sources.a.tls: files are given, but protocols [udp tcp] has neither tls nor relp_tls",
		"sources: {a: {port: 1, protocols: [tcp, tls], tls: {cert_file: c, key_file: k}}}": "sources.a.protocols: tcp and tls cannot share port 1",
		"stats: {password: p}":                                                           "stats.username: is empty while stats.password is set",
		"stats: {admin_password: p}":                                                     "stats.admin_username: is empty while stats.admin_password is set",
		"stats: {username: u, admin_username: u}":                                        "stats.admin_username: \"u\" is stats.username as well",
		"stats: {username: 'a:b', password: p}":                                          "stats.username: \"a:b\" has a colon",
		"stats: {tls: {cert_file: c}}":                                                   "stats.tls: needs cert_file and key_file together",
		"stats: {tls: {client_ca_file: c}}":                                              "stats.tls: needs cert_file and key_file together",
		"stats: {tls: {cert_file: c, key_file: k, crl_file: l}}":                         "stats.tls: crl_file needs client_ca_file",
		"stats: {tls: {certificates: [{cert_file: c, key_file: k}], client_names: [a]}}": "stats.tls: client_names needs client_ca_file",
		"sources: {a: {port: 1, protocols: [tls], tls: {cert_file: c, key_file: k, client_names: [a]}}}": "sources.a.tls: client_names needs client_ca_file",
		"sources: {a: {port: 1, protocols: [tls], tls: {certificates: [{cert_file: c}]}}}":               "sources.a.tls.certificates: entry 1: cert_file or key_file is empty",
		"sources: {a: {port: 1, protocols: [tls], tls: {certificates: [{cert: c}]}}}":                    "sources.a.tls.certificates: entry 1: cert: unknown key; known here: cert_file, key_file",
		"sources: {a: {port: 1, protocols: [tls], tls: {certificates: [c]}}}":                            "sources.a.tls.certificates: entry 1: is text",
		"sources: {a: {port: 1, protocols: [tls], tls: {certificates: {cert_file: c, key_file: k}}}}":    "sources.a.tls.certificates: is a map; write a list",
		"hec: {ack: {timeout: 5s}}":    "hec.ack.timeout: 5s is not longer than hec.ack.poll_interval (10s)",
		"hec: {retry: {initial: 40s}}": "hec.retry.max: 30s is shorter than hec.retry.initial (40s)",
		"queue: {max_size: 100MB}\nbalancer: {shards: 64}\nbatch: {max_bytes: 1MiB}": "queue.max_size: 100MB is too small; allowed: 128MiB or more",
		"metadata: {overrides: {x: {}}}":                                             "metadata.overrides.x: overrides nothing",
		"metadata: {drop: [pan_log], sample: {pan_log: 2}}":                          "metadata.sample.pan_log: is in metadata.drop as well",
		"metadata: {overrides: {'a b': {index: x}}}":                                 "metadata.overrides.a b: \"a b\" is not the name of a class",
		"dead_letter: {path: /q}\nqueue: {path: /q/}":                                "dead_letter.path: \"/q\" is queue.path as well",
	} {
		_, err := loadText(t, yaml)
		wantError(t, err, want)
	}
}

func TestClientNames(t *testing.T) {
	for name, good := range map[string]bool{
		"fw1.example.com": true, "*.example.com": true, "192.0.2.1": true, "2001:db8::1": true, "Firewall 1": true,
		"": false, " ": false, "*": false, "*.": false, "a.*.b": false, "fw*": false, "10.0.0.0/8": false,
	} {
		if wrong := clientName().check(name); (wrong == "") != good {
			t.Errorf("%q: %q", name, wrong)
		}
	}
	c, err := loadText(t, `sources: {a: {port: 1, protocols: [tls], tls: {certificates: [{cert_file: c, key_file: k}, {cert_file: d, key_file: l}], client_ca_file: a, client_names: ["*.example.com"]}}}`)
	if err != nil || len(c.Sources["a"].TLS.Certificates) != 2 || c.Sources["a"].TLS.Certificates[1] != (KeyPair{"d", "l"}) {
		t.Errorf("%+v, %v", c.Sources["a"].TLS, err)
	}
	text, err := c.YAML()
	if err != nil {
		t.Fatal(err)
	}
	if again, err := loadText(t, string(text)); err != nil || !slices.Equal(again.Sources["a"].TLS.Certificates, c.Sources["a"].TLS.Certificates) {
		t.Errorf("%v\n%s", err, text)
	}
	const list = "GATEWAY_SOURCES__LINUX__TLS__CERTIFICATES=[{cert_file: c, key_file: k}]"
	c, err = Load("", []string{"GATEWAY_SOURCES__LINUX__PROTOCOLS=tls", list}, nil)
	if err != nil || len(c.Sources["linux"].TLS.Certificates) != 1 {
		t.Errorf("by a variable: %+v, %v", c.Sources["linux"].TLS, err)
	}
}

func TestTableAndStructureAgree(t *testing.T) {
	c := Default()
	c.Metadata.Overrides = map[string]Override{"x": {}}
	inStructure := make(map[string]bool)
	walk(c, func(p keyPath, v reflect.Value) {
		inStructure[p.pattern] = true
		k, ok := rows()[p.pattern]
		if !ok {
			t.Errorf("%s has no row in the table", p.pattern)
		}
		if k.initial != nil && reflect.TypeOf(k.initial).Kind() != v.Kind() {
			t.Errorf("%s is %s, its default in the table is %T", p.pattern, v.Kind(), k.initial)
		}
	})
	seen := make(map[string]bool)
	for _, k := range table() {
		if !inStructure[k.pattern] || seen[k.pattern] {
			t.Errorf("%s is in the table twice, or not in the structure", k.pattern)
		}
		seen[k.pattern] = true
		if k.meaning == "" || k.rule.allowed == "" || k.rule.check == nil {
			t.Errorf("%s says nothing", k.pattern)
		}
	}
}
