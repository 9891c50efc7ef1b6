package packtest_test

import (
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"syslog-gateway/internal/config"
	"syslog-gateway/internal/dialect"
	"syslog-gateway/internal/matcher"
	"syslog-gateway/internal/pack/catalog"
	"syslog-gateway/internal/splunk"
	"syslog-gateway/internal/testkit"
)

var (
	splBlock   = regexp.MustCompile("(?s)```spl\n(.*?)```")
	splIndex   = regexp.MustCompile(`index(?:=(\S+)| IN \(([^)]*)\))`)
	splType    = regexp.MustCompile(`sourcetype(?:=(\S+)| IN \(([^)]*)\))`)
	inBackTick = regexp.MustCompile("`([^`\n]+)`")
)

// TestDeviceSearches: the page of each device has a search to paste, and this names the
// indexes and sourcetypes that the classes of the page get, with the port that the page and
// the README of the folder configure, and no others.
func TestDeviceSearches(t *testing.T) {
	const folder = "../../docs/devices/"
	set := testkit.Try(matcher.Compile(nil, testkit.Try(catalog.Load())(t), matcher.Options{Profile: "default"}))(t)
	classes := dialect.Classes(set)
	readme := string(testkit.Try(os.ReadFile(folder + "README.md"))(t))
	c := configuration(t, readme)
	profile := testkit.Try(splunk.NewProfile("default", splunk.Naming{Indexes: c.Metadata.Indexes}, classes))(t)
	byVendor := make(map[string]splunk.SourceInfo)
	for _, s := range config.Default().Sources {
		byVendor[s.Vendor] = splunk.SourceInfo{Vendor: s.Vendor, Port: s.Port, Index: s.Index}
	}
	devices := c.Sources["devices"]
	byVendor[dialect.Auto] = splunk.SourceInfo{Vendor: dialect.Auto, Port: devices.Port, Index: devices.Index}
	vendors := map[string]string{"unifi": "unifi", "palo_alto": "palo_alto", "cisco_asa": "cisco_asa", "linux": "linux", "windows": "windows", "proxmox_ve": "linux"}

	pages := testkit.Try(filepath.Glob(folder + "*.md"))(t)
	if len(pages) < 16 {
		t.Fatalf("%d pages", len(pages))
	}
	for _, page := range pages {
		name := strings.TrimSuffix(filepath.Base(page), ".md")
		if name == "README" {
			continue
		}
		text := string(testkit.Try(os.ReadFile(page))(t))
		blocks := splBlock.FindAllStringSubmatch(text, -1)
		if len(blocks) != 1 {
			t.Errorf("%s has %d searches, want one", page, len(blocks))
			continue
		}
		named := make(map[string]bool)
		_, arrives, _ := strings.Cut(text, "\n## What arrives\n")
		arrives, _, _ = strings.Cut(arrives, "\n## ")
		for _, m := range inBackTick.FindAllStringSubmatch(arrives, -1) {
			named[m[1]] = true
		}
		vendor, family := vendors[name]
		if !family {
			vendor = dialect.Auto
		}
		var got []splunk.Metadata
		for _, class := range classes {
			ofPage := named[class.Name]
			if family && name != "proxmox_ve" {
				ofPage = class.Family == vendor && class.Pack == nil
			}
			if ofPage && class.Name != "fallback" {
				got = append(got, profile.Metadata(class, byVendor[vendor]))
			}
		}
		for _, wrong := range compare(blocks[0][1], got) {
			t.Errorf("%s: %s", page, wrong)
		}
	}
	// The control: a search that lacks one and has one too many.
	wrong := compare("index=os sourcetype IN (syslog, cef) | x", []splunk.Metadata{{Index: "os", Sourcetype: "syslog"}, {Index: "firewall", Sourcetype: "fgt_", SourcetypeFromResult: true}})
	if len(wrong) != 3 {
		t.Errorf("control: %q", wrong)
	}
}

// compare says what a search has too much or too little of what classes get.
func compare(search string, got []splunk.Metadata) (wrong []string) {
	if len(got) == 0 {
		return []string{"the page names no class"}
	}
	base, _, _ := strings.Cut(search, "|")
	indexes, types := make(map[string]bool), make(map[string]bool)
	for _, m := range got {
		indexes[m.Index] = true
		if m.SourcetypeFromResult {
			m.Sourcetype += "*"
		}
		types[m.Sourcetype] = true
	}
	if want, have := slices.Sorted(maps.Keys(indexes)), values(splIndex, base); !slices.Equal(want, have) {
		wrong = append(wrong, "indexes are "+strings.Join(want, ", ")+", the search has "+strings.Join(have, ", "))
	}
	patterns := values(splType, base)
	for name := range types {
		if !slices.ContainsFunc(patterns, func(p string) bool { ok, _ := path.Match(p, name); return ok }) {
			wrong = append(wrong, "the search lacks the sourcetype "+name)
		}
	}
	for _, p := range patterns {
		used := false
		for name := range types {
			ok, _ := path.Match(p, name)
			used = used || ok
		}
		if !used {
			wrong = append(wrong, "no class has the sourcetype "+p)
		}
	}
	return wrong
}

// values are those of a field in a search, sorted.
func values(field *regexp.Regexp, search string) (all []string) {
	for _, m := range field.FindAllStringSubmatch(search, -1) {
		for _, v := range strings.Split(m[1]+m[2], ",") {
			all = append(all, strings.Trim(v, ` "`))
		}
	}
	slices.Sort(all)
	return all
}

// configuration is the first one that a document shows.
func configuration(t *testing.T, document string) config.Config {
	t.Helper()
	block := regexp.MustCompile("(?s)```yaml\n(sources:.*?)```").FindStringSubmatch(document)
	if block == nil {
		t.Fatal("the document shows no configuration")
	}
	file := filepath.Join(t.TempDir(), "gateway.yaml")
	testkit.Must(t, os.WriteFile(file, []byte(block[1]+"\nhec: {endpoints: ['https://splunk:8088']}\n"), 0o600))
	return testkit.Try(config.Load(file, nil, nil))(t)
}
