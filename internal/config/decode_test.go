package config

import (
	"strings"
	"testing"
)

// TestRefused has one line a case: YAML, and what the error must hold.
func TestRefused(t *testing.T) {
	src := func(keys string) string { return "sources: {a: {port: 5514, " + keys + "}}" }
	for _, c := range []struct {
		yaml string
		want string // parts separated by |
	}{
		// shape of the file
		{"- a\n", "the file is a list"},
		{"hello\n", "the file is text"},
		{"a: [\n", ":1: not valid YAML|a bracket that opens here is never closed"},
		{"log: {level: info}\n---\nlog: {level: warn}\n", "more than one YAML document"},
		{"log: {level: info, level: warn}\n", `"level" already defined`},
		{"log: {}\nlog: {}\n", `:2: key "log" already defined at line 1`},
		{"log: {}\nlog: {}\nhecc: {}\nhec: {in_flight: 99}\n", `"log" already defined|:3: hecc: unknown key|hec.in_flight: 99 is out of range`},
		{"log:\n  level: info\n\tformat: text\n", ":3: not valid YAML|the line begins with a tab"},
		{"hec: {token: !!binary aGk=}\n", ":1: YAML tags"},

		// names
		{"hecc: {}\n", ":1: hecc: unknown key; did you mean hec?"},
		{"Log: {level: info}\n", "Log: unknown key; did you mean log?"},
		{"hec: {tokenFile: x}\n", "hec.tokenFile: unknown key; did you mean token_file?"},
		{"queue: {max-size: 1GB}\n", "queue.max-size: unknown key; did you mean max_size?"},
		{"hec.endpoints: [http://a:1]\n", "hec.endpoints: unknown key; write hec: on one line, and endpoints: below it, indented"},
		{"when_full: block\n", "when_full: unknown key; when_full belongs under queue"},
		{"log: {colour: red}\n", "log.colour: unknown key; known here: level, format"},
		{src("hostname: x"), "sources.a.hostname: unknown key"},
		{src("tls: {cert: x}"), "sources.a.tls.cert: unknown key"},
		{"metadata: {overrides: {c: {indexes: x}}}\n", "metadata.overrides.c.indexes: unknown key; did you mean index?"},
		{"1: x\n", "a name that is not text"},
		{"metadata: {overrides: {430001: {index: x}}}\n", "metadata.overrides: is a map with a name that is not text"},

		// null and sections
		{"hec:\n", "hec: is empty"},
		{"hec: null\n", "hec: is empty; give it a value, or leave the key out"},
		{"hec: {token: }\n", "hec.token: is empty"},
		{"sources:\n", "sources: is empty"},
		{"sources: {a: }\n", "sources.a: is empty"},
		{"hec: {endpoints: [null]}\n", "hec.endpoints: holds an empty entry"},
		{"hec: s3cret\n", "hec: is text; write a section"},
		{"sources: [a]\n", "sources: is a list; write a section"},
		{src("timezones: UTC"), "sources.a.timezones: is text; write a map"},
		{src("timezones: {10.0.0.0/8: 1}"), "sources.a.timezones.10.0.0.0/8: 1 is a number; write it in quotes"},

		// types
		{"hec: {timeout: 5}\n", "hec.timeout: 5 has no unit; write 5s|allowed: 100ms to 10m"},
		{"hec: {timeout: 0}\n", "hec.timeout: 0 has no unit"},
		{"hec: {timeout: 1.5}\n", "hec.timeout: 1.5 is a fraction"},
		{`hec: {timeout: "5"}`, `hec.timeout: "5" is not a duration`},
		{`hec: {timeout: "0"}`, `hec.timeout: "0" is not a duration`},
		{"hec: {timeout: 5 sec}\n", `hec.timeout: "5 sec" is not a duration`},
		{"hec: {timeout: [5s]}\n", "hec.timeout: is a list"},
		{"hec: {in_flight: 1.7}\n", "hec.in_flight: 1.7 is a fraction; write a whole number; allowed: 1 to 64"},
		{"hec: {in_flight: 4.0}\n", "hec.in_flight: 4 is a number; write a whole number"},
		{`hec: {in_flight: "4"}`, `hec.in_flight: "4" is text; write a whole number`},
		{"hec: {in_flight: 99999999999999999999}\n", "hec.in_flight: "},
		{"hec: {in_flight: true}\n", "hec.in_flight: true is true or false; write a whole number"},
		{"hec: {ack: {enabled: 1}}\n", "hec.ack.enabled: 1 is a number; write true or false"},
		{`hec: {ack: {enabled: "yes"}}`, `hec.ack.enabled: "yes" is text; write true or false`},
		{"hec: {endpoints: https://splunk:8088}\n", "hec.endpoints: |is text; write a list"},
		{"hec: {endpoints: [1]}\n", "hec.endpoints: holds 1 is a number"},
		{src("index: 2020-01-01"), "sources.a.index: is a date; write it in quotes"},
		{src("index: 5"), "sources.a.index: 5 is a number; write it in quotes"},
		{"queue: {max_size: 1.5GB}\n", `queue.max_size: "1.5GB" is not a whole number`},
		{"queue: {max_size: 1.5}\n", "queue.max_size: 1.5 is a fraction"},
		{"queue: {max_size: -1}\n", "queue.max_size: -1 is negative"},
		{"queue: {max_size: 100gb}\n", `queue.max_size: "100gb" has the unknown unit "gb"; did you mean GB?`},
		{"queue: {max_size: 100G}\n", `did you mean GiB?`},
		{"queue: {max_size: 100XB}\n", `has the unknown unit "XB"`},
		{"queue: {max_size: 99999999TB}\n", "queue.max_size: |is too large"},
		{"queue: {max_size: {}}\n", "queue.max_size: is a map"},
	} {
		_, err := loadText(t, c.yaml)
		if err == nil {
			t.Errorf("%q is accepted", c.yaml)
			continue
		}
		for part := range strings.SplitSeq(c.want, "|") {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%q: error lacks %q:\n%v", c.yaml, part, err)
			}
		}
	}
}

func TestOneProblemIsReportedOnce(t *testing.T) {
	for _, yaml := range []string{"queue: {max_size: 1}\n", "batch: {max_bytes: x}\n", "hec: null\n", "sources: {a: {port: x}}\n", "dead_letter: {path: ''}\n"} {
		_, err := loadText(t, yaml)
		if err == nil || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: %v", yaml, err)
		}
	}
}

func TestSecretsAreNotInErrors(t *testing.T) {
	const s = "hunter2"
	for _, yaml := range []string{
		"hec: {token: [hunter2]}", "hec: {token: {hunter2: x}}", "hec: {token: 'hunter2 x'}", "hec: hunter2", "hec: [hunter2]",
		"hec: {tokn: hunter2}", "stats: {password: hunter2}", "stats: {username: u, password: \"hunter2\\n\"}", "stats: {passwd: hunter2}",
		"hec: {endpoints: ['https://u:hunter2@splunk:8088']}", "hec: {endpoints: 'https://hunter2@splunk:8088'}",
		"hec: {endpoints: ['https://u:hunter2@splunk:8088/%zz']}", "hec: {token: !!int hunter2}", "hec: {token: *hunter2}", "hec: {token: !hunter2 x}", "hec: {token: &hunter2 }", "hec: {endpoints: ['u:hunter2@splunk']}",
	} {
		_, err := loadText(t, yaml)
		if err == nil {
			t.Errorf("%q is accepted", yaml)
		} else if strings.Contains(strings.ReplaceAll(err.Error(), "hec.token."+s, ""), s) {
			t.Errorf("%q: the error shows the secret: %v", yaml, err)
		}
	}
	for _, env := range []string{"GATEWAY_HEC__TOKEN=hunter2 x", "GATEWAY_HEC=hunter2", "GATEWAY_HEC__TOKN=hunter2", "GATEWAY_STATS__PASSWORD=hunter2"} {
		_, err := Load("", []string{env}, nil)
		if err == nil || strings.Contains(err.Error(), s) {
			t.Errorf("%s: %v", env, err)
		}
	}
}
