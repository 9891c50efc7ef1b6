package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"syslog-gateway/internal/testkit"
)

// The bounds of an import, whatever the files are.
const (
	maxImportMemory = 512 << 20
	maxImportTime   = time.Minute
)

// TestImportOfHostileFiles: files of the size that is read at most, and others that are broken,
// end in time and within the memory, with one error of one sentence or a configuration.
func TestImportOfHostileFiles(t *testing.T) {
	fill := func(text string) string { return strings.Repeat(text, (1<<20-4096)/len(text)) }
	rows := func(format string) string {
		var b strings.Builder
		for i := 0; b.Len() < 15<<20; i++ {
			fmt.Fprintf(&b, format, i>>16&255, i>>8&255, i&255)
		}
		return b.String()
	}
	const bomb = "x: &a [1,1,1,1,1,1,1,1,1]\ny: &b [*a,*a,*a,*a,*a,*a,*a,*a]\nz: &c [*b,*b,*b,*b,*b,*b,*b,*b]\nq: &d [*c,*c,*c,*c,*c,*c,*c,*c]\ninputs: {a: {type: syslog, udpPort: 514, metadata: *d}}\n"
	const many = 20000
	gateway := newPlain(t) // the race detector multiplies what is measured
	for name, test := range map[string]struct {
		product string
		files   map[string]string
		error   string // "": there is a configuration
	}{
		"hosts":          {"sc4s", map[string]string{"env_file": "A=b\n", "local/context/host.csv": rows("10.%d.%d.%d,HOST,h\n")}, ""},
		"metadata":       {"sc4s", map[string]string{"env_file": "A=b\n", "local/context/splunk_metadata.csv": rows("k%d_%d_%d,index,a\n")}, ""},
		"pins":           {"sc4s", map[string]string{"env_file": "A=b\n", "local/context/vendor_product_by_source.conf": "filter f { netmask(192.0.2.0/24); };\n", "local/context/vendor_product_by_source.csv": fill("f,sc4s_vendor_product,cisco_asa\n")}, ""},
		"null queue":     {"sc4s", map[string]string{"env_file": "A=b\n", "local/context/vendor_product_by_source.conf": "filter f { host('a'); };\n", "local/context/vendor_product_by_source.csv": fill("f,sc4s_vendor_product,null_queue\n")}, ""},
		"variables":      {"sc4s", map[string]string{"env_file": fill("SC4S_LISTEN_A_B_UDP_PORT=1\n")}, ""},
		"ports":          {"sc4s", map[string]string{"env_file": "SC4S_LISTEN_A_B_UDP_PORT=" + fill("7,") + "\n"}, ""},
		"a source's or":  {"sc4s", map[string]string{"env_file": "A=b\n", "local/config/a.conf": "application a[sc4s-syslog] { filter { " + fill(`"${SOURCE}" eq "s_A" or `) + " program('abc'); }; };\n"}, ""},
		"an open quote":  {"sc4s", map[string]string{"env_file": "A=b\n", "local/context/vendor_product_by_source.conf": "filter f { host('a"}, "vendor_product_by_source.conf:1: the text that begins here has no closing quote"},
		"binds":          {"haproxy", map[string]string{"haproxy.cfg": "log-forward a\n" + fill(" bind :1-200\n")}, ""},
		"logs":           {"haproxy", map[string]string{"haproxy.cfg": "global\n" + fill(" log a local0\n") + "log-forward a\n bind :514\n log global\n"}, ""},
		"log global":     {"haproxy", map[string]string{"haproxy.cfg": "global\n" + strings.Repeat(" log a local0\n", many) + strings.Repeat("log-forward a\n bind :514\n log global\n", many)}, ""},
		"no section":     {"haproxy", map[string]string{"haproxy.cfg": fill("a b\n")}, "haproxy.cfg:1: \"a\" stands before the first section"},
		"ifs":            {"rsyslog", map[string]string{"rsyslog.conf": "input(type=\"imudp\" port=\"514\")\n" + fill("if $msg contains 'a' then stop\n")}, ""},
		"half an object": {"rsyslog", map[string]string{"rsyslog.conf": "input(type=\"imudp\" port=\"514\"\n"}, "rsyslog.conf:1: the bracket that is opened here is not closed"},
		"log paths":      {"syslog-ng", map[string]string{"syslog-ng.conf": "source s { network(port(514)); };\n" + fill("log { source(s); };\n")}, ""},
		"nested":         {"syslog-ng", map[string]string{"syslog-ng.conf": fill("log { ")}, "more than 32 times"},
		"one line":       {"syslog-ng", map[string]string{"syslog-ng.conf": fill("x")}, ""},
		"a YAML bomb":    {"cribl", map[string]string{"inputs.yml": bomb}, ""},
		"brackets":       {"cribl", map[string]string{"inputs.yml": fill("[")}, "inputs.yml"},
		"a long filter":  {"cribl", map[string]string{"inputs.yml": "inputs: {a: {type: syslog, udpPort: 514}}\n", "route.yml": "routes:\n- {id: a, filter: \"" + fill("_raw.indexOf('a')>-1||") + "host=='a'\"}\n"}, ""},
		"routes": {"cribl", map[string]string{
			"inputs.yml": "inputs: {a: {type: syslog, udpPort: 514}}\n", "route.yml": "routes:\n" + fill("- {id: a, filter: \"host=='a'\", pipeline: p, final: false}\n"),
			"pipelines/p/conf.yml": "functions:\n" + fill("- {id: eval, filter: \"host=='b'\", conf: {remove: ['*']}}\n"),
		}, ""},
		"a table": {"cribl", map[string]string{
			"inputs.yml": "inputs: {a: {type: syslog, udpPort: 514, pipeline: p}}\n", "data/t.csv": "a,b\n" + rows("h%d-%d-%d,main\n"),
			"pipelines/p/conf.yml": "functions: [{id: lookup, conf: {file: t.csv, inFields: [{eventField: host, lookupField: a}], outFields: [{lookupField: b, eventField: index}]}}]\n",
		}, ""},
		"too large": {"rsyslog", map[string]string{"rsyslog.conf": strings.Repeat("#\n", 1<<20)}, "more than 1 MiB"},
		"no text":   {"haproxy", map[string]string{"haproxy.cfg": "\x7fELF\x00"}, "no text file"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			for file, text := range test.files {
				path := filepath.Join(dir, "in", file)
				testkit.Must(t, os.MkdirAll(filepath.Dir(path), 0o755))
				testkit.Must(t, os.WriteFile(path, []byte(text), 0o600))
			}
			cmd := exec.Command(string(gateway), "import", test.product, filepath.Join(dir, "in"), "-o", filepath.Join(dir, "out"))
			var errs testkit.Log
			cmd.Stderr = &errs
			testkit.Must(t, cmd.Start())
			peak := make(chan int64)
			go func() { peak <- memoryPeak(cmd.Process.Pid) }()
			overdue := time.AfterFunc(maxImportTime, func() { _ = cmd.Process.Kill() })
			_ = cmd.Wait() // the exit code tells
			if !overdue.Stop() {
				t.Fatalf("it takes more than %v", maxImportTime)
			}
			used := <-peak
			if used > maxImportMemory {
				t.Errorf("it uses %d MiB", used>>20)
			}
			code, said := cmd.ProcessState.ExitCode(), strings.TrimSpace(errs.String())
			_, err := os.Stat(filepath.Join(dir, "out", "gateway.yaml"))
			switch {
			case test.error == "" && (code != 0 && code != exitUnsaid || err != nil || said != ""):
				t.Errorf("exit code %d, %v, %.300s", code, err, said)
			case test.error != "" && (code != 1 || err == nil || strings.Contains(said, "\n") || len(said) > 500 || !strings.Contains(said, test.error)):
				t.Errorf("exit code %d, %v, %.300s", code, err, said)
			}
			t.Logf("%v, %d MiB", cmd.ProcessState.UserTime().Round(time.Millisecond), used>>20)
		})
	}
}

// memoryPeak watches the memory of a process until it has ended, and returns the most that it
// had, in bytes (VmHWM of proc_pid_status(5)). What wait4(2) says counts the memory of the
// parent, too.
func memoryPeak(pid int) (peak int64) {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for ; ; <-tick.C {
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		_, rest, alive := strings.Cut(string(status), "VmHWM:")
		if err != nil || !alive { // a zombie has no memory
			return peak
		}
		var kib int64
		if _, err := fmt.Sscan(rest, &kib); err == nil {
			peak = max(peak, kib<<10)
		}
	}
}
