package importer

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"syslog-gateway/internal/config"
	"syslog-gateway/internal/matcher"
	"syslog-gateway/internal/pack"
	"syslog-gateway/internal/pack/catalog"
	"syslog-gateway/internal/testkit"
)

// fuzz runs a reader on the text of one file in a folder. Whatever the text, there is one
// error, or a configuration and packs that the gateway accepts.
func fuzz(f *testing.F, product, name string) {
	empty, err := newModel()
	testkit.Must(f, err)
	if strings.HasSuffix(name, "/t.csv") {
		f.Add("a,b,c\nweb-1,os,x\n\"q\nr\",main,\n")
	}
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
		for other, text := range map[string]string{ // what makes a reader read the rest
			"local/context/compliance_meta_by_source.conf": "filter f_pci { host('a'); };\nfilter f_lab { netmask(192.0.2.0/24); };\n",
			"local/context/compliance_meta_by_source.csv":  "f_pci,fields.compliance,pci\n",
			"local/context/vendor_product_by_source.conf":  "filter f_forti { netmask(192.0.2.0/24); };\nfilter f_null { host('a'); };\n",
			"local/context/vendor_product_by_source.csv":   "f_forti,sc4s_vendor_product,fortinet_fortios\nf_asa,sc4s_vendor_product,cisco_asa\n",
			"local/config/app_parsers/zz.conf":             "application a[sc4s-network-source] { filter { program('abc') or \"${SOURCE}\" eq \"s_A_B\"; }; parser { p(); }; };\n",
			"default/pipelines/look/conf.yml":              "functions: [{id: lookup, conf: {file: t.csv, inFields: [{eventField: host, lookupField: a}], outFields: [{lookupField: b, eventField: index}, {lookupField: c, eventField: c}]}}]\n",
			"default/inputs.yml":                           "inputs: {a: {type: syslog, udpPort: 514, pipeline: look}}\n",
		} {
			if ours := strings.HasPrefix(other, "local/") == (product == "sc4s") && strings.HasPrefix(other, "default/") == (product == "cribl"); ours && files[other] == nil {
				if product != "cribl" || name == "data/lookups/t.csv" {
					files[other] = &fstest.MapFile{Data: []byte(text)}
				}
			}
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

// usualPins are the packs of the gateway; with packs of the site they are compiled anew.
var usualPins = sync.OnceValues(func() (*matcher.Set, error) {
	embedded, err := catalog.Load()
	if err != nil {
		return nil, err
	}
	return matcher.Compile(nil, embedded, matcher.Options{Profile: "sc4s"})
})

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
	if len(problems) != 0 {
		t.Fatal(problems)
	}
	profile := "default"
	if c.Metadata.Profile != "" {
		profile = c.Metadata.Profile
	}
	set, err := usualPins() // rules alone are as Load has read them
	if made.Packs != 0 {
		if conflicts, _ := pack.Conflicts(site, embedded); len(conflicts) != 0 {
			t.Fatal(conflicts)
		}
		set, err = matcher.Compile(site, embedded, matcher.Options{Profile: profile})
	}
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
func FuzzSC4SParsers(f *testing.F)  { fuzz(f, "sc4s", "local/config/app_parsers/app-acme.conf") }
func FuzzSC4SBySource(f *testing.F) { fuzz(f, "sc4s", "local/context/vendor_product_by_source.conf") }
func FuzzSC4SBySourceTable(f *testing.F) {
	fuzz(f, "sc4s", "local/context/vendor_product_by_source.csv")
}
func FuzzSC4SComplianceTable(f *testing.F) {
	fuzz(f, "sc4s", "local/context/compliance_meta_by_source.csv")
}
func FuzzSC4SHosts(f *testing.F)     { fuzz(f, "sc4s", "local/context/host.csv") }
func FuzzCriblLookup(f *testing.F)   { fuzz(f, "cribl", "data/lookups/t.csv") }
func FuzzCriblInputs(f *testing.F)   { fuzz(f, "cribl", "default/inputs.yml") }
func FuzzCriblOutputs(f *testing.F)  { fuzz(f, "cribl", "default/outputs.yml") }
func FuzzCriblRoutes(f *testing.F)   { fuzz(f, "cribl", "default/route.yml") }
func FuzzCriblPipeline(f *testing.F) { fuzz(f, "cribl", "default/pipelines/main/conf.yml") }
func FuzzHAProxy(f *testing.F)       { fuzz(f, "haproxy", "haproxy.cfg") }
func FuzzRsyslog(f *testing.F)       { fuzz(f, "rsyslog", "rsyslog.conf") }
func FuzzSyslogNG(f *testing.F)      { fuzz(f, "syslog-ng", "syslog-ng.conf") }
