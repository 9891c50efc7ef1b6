package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"syslog-gateway/internal/cli"
	"syslog-gateway/internal/importer"
	"syslog-gateway/internal/testkit"
)

// pemPath finds the files of certificates in gateway.yaml.
var pemPath = regexp.MustCompile(`(?:cert_file|key_file|ca_file|client_ca_file): [^,}\n]+`)

const importedToken = "00000000-1111-4222-8333-444444444444"

// importExample imports an example of internal/importer into a folder of the test. Files of
// certificates that it names are made.
func importExample(t *testing.T, example string) (dir, out string, code int) {
	t.Helper()
	product, _, _ := strings.Cut(example, "/")
	dir = filepath.Join(t.TempDir(), "new")
	out, errs, code := runImport(t, "import", product, filepath.Join("../../internal/importer/testdata", example, "in"), "-o", dir)
	if code != cli.Fine && code != exitUnsaid {
		t.Fatalf("exit code %d\n%s%s", code, out, errs)
	}
	return dir, out, code
}

func runImport(t *testing.T, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	var out, errs bytes.Buffer
	code = run(t.Context(), args, cli.Streams{In: strings.NewReader(""), Out: &out, Err: &errs})
	return out.String(), errs.String(), code
}

// TestImportedConfigurationsAreChecked: what is written for each example passes gateway check
// and gateway pack test. The token is in its own file alone.
func TestImportedConfigurationsAreChecked(t *testing.T) {
	t.Parallel()
	examples, err := filepath.Glob("../../internal/importer/testdata/*/*/in")
	testkit.Must(t, err)
	if len(examples) < 9 {
		t.Fatal(examples)
	}
	gateway, pems := newPlain(t), t.TempDir()
	authority := testkit.Try(testkit.NewAuthority())(t)
	cert, key, err := testkit.Files(testkit.Try(authority.Issue(time.Now().Add(24 * time.Hour)))(t))
	testkit.Must(t, err)
	both := filepath.Join(pems, "both.pem")
	testkit.Must(t, os.WriteFile(both, append(append([]byte{}, cert...), key...), 0o600))
	ca := filepath.Join(pems, "ca.pem")
	testkit.Must(t, os.WriteFile(ca, authority.PEM(), 0o600))
	for _, path := range examples {
		path = filepath.Dir(path)
		example := filepath.ToSlash(filepath.Join(filepath.Base(filepath.Dir(path)), filepath.Base(path)))
		t.Run(example, func(t *testing.T) {
			dir, out, code := importExample(t, example)
			file := filepath.Join(dir, "gateway.yaml")
			text := string(testkit.Try(os.ReadFile(file))(t))
			hasToken := false
			for _, name := range testkit.Try(filepath.Glob(filepath.Join(dir, "*")))(t) {
				info := testkit.Try(os.Stat(name))(t)
				if info.IsDir() {
					continue
				}
				data := string(testkit.Try(os.ReadFile(name))(t))
				if filepath.Base(name) == "hec_token" {
					hasToken = true
					testkit.Equal(t, "hec_token", data, importedToken+"\n")
					testkit.Equal(t, "its mode", info.Mode().Perm(), 0o600)
					continue
				}
				testkit.Lacks(t, name, data, importedToken)
			}
			testkit.Lacks(t, "what is printed", out, importedToken)
			testkit.Equal(t, "the exit code of a list", code == exitUnsaid, strings.Contains(out, "the gateway cannot say ("))

			// The certificates of the example are on no machine: those of the test take their place.
			text = pemPath.ReplaceAllStringFunc(text, func(line string) string {
				key, _, _ := strings.Cut(line, ":")
				if strings.Contains(key, "ca_file") {
					return key + ": " + ca
				}
				return key + ": " + both
			})
			testkit.Must(t, os.WriteFile(file, []byte(text), 0o600))
			env := []string{"GATEWAY_QUEUE__PATH=" + filepath.Join(dir, "queue"), "GATEWAY_DEAD_LETTER__PATH=" + filepath.Join(dir, "dead")}
			if !hasToken {
				env = append(env, "SPLUNK_HEC_TOKEN=t")
			}
			out, errs, code := gateway.run(t, "", env, "check", "-c", file)
			if code != cli.Fine {
				t.Errorf("check: exit code %d\n%s%s", code, out, errs)
			}
			testkit.Holds(t, "check", out, "fine: ")
			folder := filepath.Join(dir, "packs")
			if _, err := os.Stat(folder); err == nil {
				if out, errs, code := gateway.run(t, "", env, "pack", "test", "-c", file, folder); code != cli.Fine {
					t.Errorf("pack test: exit code %d\n%s%s", code, out, errs)
				}
			}
		})
	}
}

// TestImportedRulesAct: lines through the imported configuration get what the old one gave
// them.
func TestImportedRulesAct(t *testing.T) {
	for _, test := range []struct{ example, source, sender, line, want string }{
		{"rsyslog/rainer", "imudp", "192.0.2.1", "<13>Mar 14 14:28:52 web1 app: ok", `"index":"network"`},
		{"rsyslog/rainer", "imudp", "192.0.2.1", "<13>Mar 14 14:28:52 pci-1 app: access denied", `"index":"netfw_pci"`},
		{"rsyslog/rainer", "imudp", "192.0.2.1", "<13>Mar 14 14:28:52 web1 CRON[3]: job", ""},
		{"rsyslog/rainer", "imudp", "192.0.2.1", "<11>Mar 14 14:28:52 web1 CRON[3]: job failed", `"index":"network"`},
		{"rsyslog/rainer", "imudp", "192.0.2.66", "<13>Mar 14 14:28:52 web1 app: ok", ""},
		{"syslog-ng/network", "s_net", "10.9.1.1", "<13>Mar 14 14:28:52 web1 app: ok", `"index":"lab"`},
		{"syslog-ng/network", "s_net", "192.0.2.1", "<13>Mar 14 14:28:52 lab-7 app: ok", `"sourcetype":"lab:syslog"`},
		{"syslog-ng/network", "s_net", "192.0.2.1", "<13>Mar 14 14:28:52 web1 app: ok", `"index":"network"`},
		{"syslog-ng/network", "s_net", "192.0.2.1", "<14>Mar 14 14:28:52 web1 CRON: ok", ""},
		{"syslog-ng/network", "s_net", "192.0.2.1", "<166>Mar 14 2026 14:28:52 fw1 : %ASA-6-302013: Built outbound TCP connection 1", ""},
		{"syslog-ng/network", "s_net", "192.0.2.1", "<166>Mar 14 2026 14:28:52 fw1 : %ASA-6-302015: Built outbound UDP connection 1", `"index":"network"`},
		{"syslog-ng/drivers", "s_all", "192.0.2.1", "<134>Mar 14 14:28:52 web1 app: ok", "{"},
		{"syslog-ng/drivers", "s_all", "192.0.2.1", "<13>Mar 14 14:28:52 web1 app: ok", ""},
		{"cribl/stream", "in_firewalls", "192.0.2.1", "<13>Mar 14 14:28:52 web1 CRON[3]: job", ""},
		{"cribl/stream", "in_firewalls", "192.0.2.1", "<13>Mar 14 14:28:52 sw-7 app: token=abc rest", `"owner":"lab team"`},
		{"cribl/stream", "in_firewalls", "192.0.2.1", "<13>Mar 14 14:28:52 sw-8 app: TOKEN=abc rest", "hidden rest"},
		{"cribl/stream", "in_firewalls", "192.0.2.1", "<13>Mar 14 14:28:52 lab-1 app: ok", `"sourcetype":"lab:syslog"`},
		{"cribl/stream", "in_firewalls", "192.0.2.1", "<166>Mar 14 2026 14:28:52 fw1 : %ASA-6-302013: Built outbound TCP connection 1", ""},
		{"cribl/pack", "linux", "192.0.2.1", "<166>Mar 14 2026 14:28:52 fw1 : %ASA-6-302015: Built outbound UDP connection 1", `"thinned":"yes"`},
		{"haproxy/logforward", "syslog", "192.0.2.1", "<15>Mar 14 14:28:52 web1 app: debug", ""},
		{"haproxy/logforward", "syslog", "192.0.2.1", "<14>Mar 14 14:28:52 web1 app: info", "{"},
		{"rsyslog/legacy", "imudp", "10.9.3.3", "<14>Mar 14 14:28:52 web1 app: ok", ""},
		{"rsyslog/legacy", "imudp", "10.8.3.3", "<22>Mar 14 14:28:52 web1 app: ok", "{"},
		{"rsyslog/legacy", "imudp", "10.8.3.3", "<14>Mar 14 14:28:52 web1 app: ok", ""},
		{"sc4s/full", "default", "203.0.113.5", "<13>Mar 14 14:28:52 pci-1 app: ok", `"index":"netfw_pci"`},
		{"sc4s/full", "default", "192.0.2.1", "<13>Mar 14 14:28:52 pci-1 app: ok", `"index":"osnix"`},
		{"sc4s/full", "default", "192.0.2.1", "<13>Mar 14 14:28:52 g1 gated[2]: open", `"sourcetype":"acme:gate","index":"gates"`},
		{"sc4s/full", "acme_door", "192.0.2.1", "<13>Mar 14 14:28:52 d1 anything: open", `"index":"doors"`},
		{"sc4s/full", "default", "192.0.2.1", "<166>Mar 14 2026 14:28:52 fw1 : %ASA-6-302015: Built outbound UDP connection 1", ""},
		{"sc4s/full", "default", "192.0.2.1", "<166>Mar 14 2026 14:28:52 fw1 : %ASA-6-302013: Built outbound TCP connection 1", `"index":"asa"`},
		{"sc4s/full", "default", "192.0.2.1", `<189>date=2026-03-14 time=14:28:52 devname="fw-a" devid="FG1" type="traffic" srcip=192.0.2.7`, `"index":"fortigate"`},
	} {
		dir, _, _ := importExample(t, test.example)
		t.Setenv("SPLUNK_HEC_TOKEN", "t")
		var out, errs bytes.Buffer
		args := []string{"parse", "-c", filepath.Join(dir, "gateway.yaml"), "--source", test.source, "--sender", test.sender}
		code := run(t.Context(), args, cli.Streams{In: strings.NewReader(test.line + "\n"), Out: &out, Err: &errs})
		if got := out.String(); code != cli.Fine || (got == "") != (test.want == "") || !strings.Contains(got, test.want) {
			t.Errorf("%s: %s\ngives %s%s; want %s (exit code %d)", test.example, test.line, got, errs.String(), test.want, code)
		}
	}
}

func TestImportRefuses(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		testkit.Must(t, os.MkdirAll(filepath.Dir(path), 0o755))
		testkit.Must(t, os.WriteFile(path, []byte(text), 0o600))
		return path
	}
	deep := strings.Repeat("source s { network(", 200)
	for _, test := range []struct{ product, path, want string }{
		{"sc4s", filepath.Join(dir, "nowhere"), "no such file"},
		{"cribl", write("b/inputs.yml", "inputs: {a: [\n"), "inputs.yml"},
		{"cribl", write("c/pack.crbl", "\x1f\x8b\x00"), "no text file"},
		{"haproxy", write("d/haproxy.cfg", "bind *:514\n"), "before the first section"},
		{"haproxy", write("e/haproxy.cfg", "log-forward a\n  bind \"*:514\n"), "haproxy.cfg:2: a quote is not closed"},
		{"rsyslog", write("f/rsyslog.conf", "\nruleset(name=\"a\") {\n  stop\n"), "rsyslog.conf:2: "},
		{"rsyslog", write("g/rsyslog.conf", "include(file=\"rsyslog.conf\")\n"), "deep"},
		{"syslog-ng", write("h/syslog-ng.conf", "source s {\n network(port(514)\n"), "syslog-ng.conf:2: the bracket"},
		{"syslog-ng", write("i/syslog-ng.conf", deep), "more than 32 times"},
		{"syslog-ng", write("j/syslog-ng.conf", strings.Repeat("# large\n", 200000)), "more than 1 MiB"},
		{"syslog-ng", write("k/syslog-ng.conf", "@include \"syslog-ng.conf\"\n"), "deep"},
	} {
		out := filepath.Join(t.TempDir(), "out")
		_, errs, code := runImport(t, "import", test.product, test.path, "-o", out)
		testkit.Equal(t, test.want, code, cli.Failed)
		testkit.Holds(t, "the error", errs, test.want)
		if _, err := os.Stat(out); err == nil {
			t.Errorf("%s: something was written", test.want)
		}
	}
	for _, args := range [][]string{{"import", "sc4s"}, {"import", "sc4s", "a", "b"}, {"import", "sc4s", "a", "--nothing"}} {
		if _, _, code := runImport(t, args...); code != cli.Usage {
			t.Errorf("%v: exit code %d", args, code)
		}
	}
	for _, product := range importer.Products() { // what is printed at the end leads somewhere
		if _, err := os.Stat("../../docs/migrate/" + product + ".md"); err != nil {
			t.Error(err)
		}
	}
	out := filepath.Join(dir, "out")
	file := write("l/haproxy.cfg", "log-forward a\n  dgram-bind :5514\n  log 192.0.2.9:514 local0\n")
	if _, _, code := runImport(t, "import", "haproxy", file, "-o", out); code != cli.Fine {
		t.Errorf("all is said, and the exit code is %d", code)
	}
	before := string(testkit.Try(os.ReadFile(filepath.Join(out, "gateway.yaml")))(t))
	_, errs, code := runImport(t, "import", "haproxy", file, "-o", out)
	testkit.Equal(t, "the exit code of a second import", code, cli.Failed)
	testkit.Holds(t, "the error", errs, "there already: gateway.yaml")
	testkit.Equal(t, "the file", string(testkit.Try(os.ReadFile(filepath.Join(out, "gateway.yaml")))(t)), before)
}
