package importer

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"syslog-gateway/internal/config"
	"syslog-gateway/internal/matcher"
	"syslog-gateway/internal/pack"
	"syslog-gateway/internal/testkit"
)

// fuzz runs a reader on the text of one file in a folder. Whatever the text, there is one
// error, or a configuration and packs that the gateway accepts.
func fuzz(f *testing.F, product, name string) {
	empty, err := newModel()
	testkit.Must(f, err)
	_ = filepath.WalkDir("testdata/"+product, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Name() == filepath.Base(name) {
			f.Add(string(testkit.Try(os.ReadFile(path))(f)))
		}
		return err
	})
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 64<<10 {
			t.Skip("longer texts are for TestHostileFilesAreBounded")
		}
		files := fstest.MapFS{name: {Data: []byte(text)}, "env_file": {Data: []byte("A=b\n")}, "local/context/empty": {}}
		if name == "env_file" {
			delete(files, "local/context/empty")
			files[name] = &fstest.MapFile{Data: []byte(text)}
		}
		if strings.Contains(name, "compliance") {
			files["local/context/compliance_meta_by_source.csv"] = &fstest.MapFile{Data: []byte("f_pci,fields.compliance,pci\n")}
		}
		m := *empty
		made, err := m.read(product, files, "/opt/x", ".", usual)
		if err != nil {
			if strings.Contains(err.Error(), "fault of this program") {
				t.Fatal(err)
			}
			return
		}
		accepted(t, empty.embedded, made)
	})
}

func accepted(t *testing.T, embedded []pack.Pack, made *Imported) {
	t.Helper()
	if len(made.Unsaid) > maxNotes+1 || len(made.Hints) > maxNotes+1 {
		t.Errorf("%d and %d notes", len(made.Unsaid), len(made.Hints))
	}
	for _, n := range append(made.Unsaid, made.Hints...) {
		if n.Text == "" || strings.ContainsAny(n.String(), "\n\x1b") {
			t.Errorf("the note %q", n.String())
		}
	}
	c, err := config.Read("gateway.yaml", made.Files["gateway.yaml"])
	if err != nil {
		t.Fatal(err)
	}
	site, problems := pack.Load([]pack.File{{Name: "imported.yaml", Data: made.Files["packs/imported.yaml"]}})
	conflicts, _ := pack.Conflicts(site, embedded)
	if len(problems)+len(conflicts) != 0 {
		t.Fatal(problems, conflicts)
	}
	profile := "default"
	if c.Metadata.Profile != "" {
		profile = c.Metadata.Profile
	}
	if made.Packs == 0 && profile == "default" {
		return // rules alone, as Load has read them
	}
	set, err := matcher.Compile(site, embedded, matcher.Options{Profile: profile})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range c.Sources {
		for _, pin := range s.Packs {
			if _, ok := set.Pin(pin); !ok {
				t.Errorf("the pin %s has no pack", pin)
			}
		}
	}
}

func FuzzSC4S(f *testing.F)         { fuzz(f, "sc4s", "env_file") }
func FuzzSC4SMetadata(f *testing.F) { fuzz(f, "sc4s", "local/context/splunk_metadata.csv") }
func FuzzSC4SCompliance(f *testing.F) {
	fuzz(f, "sc4s", "local/context/compliance_meta_by_source.conf")
}
func FuzzSC4SParsers(f *testing.F)   { fuzz(f, "sc4s", "local/config/app_parsers/app-acme.conf") }
func FuzzCriblInputs(f *testing.F)   { fuzz(f, "cribl", "default/inputs.yml") }
func FuzzCriblOutputs(f *testing.F)  { fuzz(f, "cribl", "default/outputs.yml") }
func FuzzCriblRoutes(f *testing.F)   { fuzz(f, "cribl", "default/route.yml") }
func FuzzCriblPipeline(f *testing.F) { fuzz(f, "cribl", "default/pipelines/main/conf.yml") }
func FuzzHAProxy(f *testing.F)       { fuzz(f, "haproxy", "haproxy.cfg") }
func FuzzRsyslog(f *testing.F)       { fuzz(f, "rsyslog", "rsyslog.conf") }
func FuzzSyslogNG(f *testing.F)      { fuzz(f, "syslog-ng", "syslog-ng.conf") }
