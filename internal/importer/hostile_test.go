package importer

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"syslog-gateway/internal/testkit"
)

// TestHostileFilesAreBounded: files of 256 KiB that make the most work end in time,
// with something that the gateway accepts or one error.
func TestHostileFilesAreBounded(t *testing.T) {
	empty, err := newModel()
	testkit.Must(t, err)
	var doubling strings.Builder
	doubling.WriteString("filter f0 { level(err); };\n")
	for i := 1; i < 30; i++ {
		fmt.Fprintf(&doubling, "filter f%d { filter(f%d) and filter(f%d); };\n", i, i-1, i-1)
	}
	const net, hec = "source s { network(port(514)); };\n", "destination d { http(url(\"https://a:8088/services/collector\")); };\n"
	fill := func(text string) string { return strings.Repeat(text, (1<<18)/len(text)) }
	parser := "block parser p() { channel { " + strings.Repeat("p(); ", 10000) + " }; };\napplication a[sc4s-syslog] { filter { program('abc'); }; parser { p(); }; };\n"
	for _, test := range []struct {
		name, product string
		files         map[string]string
	}{
		{"filters that double", "syslog-ng", map[string]string{"syslog-ng.conf": net + hec + doubling.String() + "log { source(s); filter(f29); destination(d); };"}},
		{"filters in a circle", "syslog-ng", map[string]string{"syslog-ng.conf": net + hec + "filter f { filter(f); };\nlog { source(s); filter(f); destination(d); };"}},
		{"log paths", "syslog-ng", map[string]string{"syslog-ng.conf": net + hec + fill("log { source(s); filter { host('a'); }; destination(d); };\n")}},
		{"not not", "syslog-ng", map[string]string{"syslog-ng.conf": net + "filter f { " + fill("not ") + "};\nlog { source(s); filter(f); };"}},
		{"brackets", "syslog-ng", map[string]string{"syslog-ng.conf": fill("(")}},
		{"properties", "rsyslog", map[string]string{"rsyslog.conf": "input(type=\"imudp\" port=\"514\")\n" + fill(":a\n")}},
		{"rulesets that call", "rsyslog", map[string]string{"rsyslog.conf": "input(type=\"imudp\" port=\"514\" ruleset=\"a\")\nruleset(name=\"a\") {\n" + fill("call a\n") + "}"}},
		{"ifs", "rsyslog", map[string]string{"rsyslog.conf": "input(type=\"imudp\" port=\"514\")\n" + fill("if $msg contains 'a' then stop\n")}},
		{"&", "rsyslog", map[string]string{"rsyslog.conf": "*.* ~\n" + fill("& ")}},
		{"a directory of binds", "haproxy", map[string]string{"haproxy.cfg": "log-forward a\n" + fill(" bind :1-200\n")}},
		{"parsers", "sc4s", map[string]string{"env_file": "A=b\n", "local/config/app_parsers/a.conf": parser}},
		{"rows", "sc4s", map[string]string{"env_file": "A=b\n", "local/context/splunk_metadata.csv": fill("no_such,index,a\n")}},
		{"routes", "cribl", map[string]string{
			"inputs.yml": "inputs: {a: {type: syslog, udpPort: 514}}\n", "route.yml": "routes:\n" + fill("- {id: a, filter: \"host=='a'\", pipeline: p, final: false}\n"),
			"pipelines/p/conf.yml": "functions:\n" + fill("- {id: drop, filter: \"host=='b'\"}\n"),
		}},
		{"aliases", "cribl", map[string]string{"inputs.yml": "a: &a [x, x, x, x]\nb: &b [*a, *a, *a, *a]\nc: &c [*b, *b, *b, *b]\ninputs: {x: *c, y: {type: syslog, udpPort: 514, metadata: *c}}\n"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			files := fstest.MapFS{}
			for name, text := range test.files {
				files[name] = &fstest.MapFile{Data: []byte(text)}
			}
			began := time.Now()
			m := *empty
			made, err := m.read(test.product, files, "/opt/x", ".", usual)
			if took := time.Since(began); took > time.Minute {
				t.Errorf("it takes %v", took)
			}
			if err != nil {
				testkit.Lacks(t, "the error", err.Error(), "fault of this program")
				if len(err.Error()) > 500 {
					t.Errorf("the error has %d bytes", len(err.Error()))
				}
				return
			}
			accepted(t, empty.embedded, made)
		})
	}
}
