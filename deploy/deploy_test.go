// Package deploy_test holds the files of this folder against the program that they
// deploy: ports, indexes, variables and paths are written down in several of them.
package deploy_test

import (
	"bufio"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"syslog-gateway/internal/config"
	"syslog-gateway/internal/dialect"
	"syslog-gateway/internal/matcher"
	"syslog-gateway/internal/pack"
	"syslog-gateway/internal/pack/catalog"
	"syslog-gateway/internal/splunk"
	"syslog-gateway/internal/testkit"
)

func read(t *testing.T, file string) string {
	t.Helper()
	return string(testkit.Try(os.ReadFile(file))(t))
}

// service is what is checked of a service of Docker compose or Swarm.
type service struct {
	Environment map[string]string `yaml:"environment"`
	Ports       []struct {
		Target    int    `yaml:"target"`
		Published int    `yaml:"published"`
		Protocol  string `yaml:"protocol"`
		Mode      string `yaml:"mode"`
	} `yaml:"ports"`
	Volumes         []string `yaml:"volumes"`
	StopGracePeriod string   `yaml:"stop_grace_period"`
}

func gatewayIn(t *testing.T, file string) service {
	t.Helper()
	var stack struct {
		Services map[string]service `yaml:"services"`
	}
	if err := yaml.Unmarshal([]byte(read(t, file)), &stack); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	s, ok := stack.Services["gateway"]
	if !ok {
		t.Fatalf("%s has no service gateway", file)
	}
	return s
}

func TestDockerVariablesAreKeys(t *testing.T) {
	for _, file := range []string{"docker/compose.yaml", "docker/stack.yaml"} {
		s := gatewayIn(t, file)
		var env []string
		for name, value := range s.Environment {
			if strings.HasPrefix(value, "${") { // compose fills it in
				value = "https://splunk.example.com:8088"
			}
			env = append(env, name+"="+value)
		}
		c, err := config.Load("", env, nil)
		if err != nil {
			t.Errorf("%s: %v", file, err)
		}
		if c.HEC.TokenFile != "/run/secrets/hec_token" || len(c.HEC.Endpoints) != 1 {
			t.Errorf("%s: token from %q, endpoints %q", file, c.HEC.TokenFile, c.HEC.Endpoints)
		}
		if !slices.Contains(s.Volumes, "queue:"+filepath.Dir(c.Queue.Path)) {
			t.Errorf("%s: %s is on no volume of %q", file, c.Queue.Path, s.Volumes)
		}
		if s.StopGracePeriod <= c.ShutdownTimeout.String() {
			t.Errorf("%s: killed after %s, draining takes %s", file, s.StopGracePeriod, c.ShutdownTimeout)
		}
	}
}

func TestSwarmPublishesEveryPortInHostMode(t *testing.T) {
	want := map[string]bool{"8404/tcp": true}
	for _, s := range config.Default().Sources {
		for _, protocol := range s.Protocols {
			want[fmt.Sprintf("%d/%s", s.Port, protocol)] = true
		}
	}
	got := make(map[string]bool)
	for _, p := range gatewayIn(t, "docker/stack.yaml").Ports {
		got[fmt.Sprintf("%d/%s", p.Target, p.Protocol)] = true
		if p.Mode != "host" || p.Published != p.Target {
			t.Errorf("port %+v: want host mode, the same number", p)
		}
	}
	if !maps.Equal(got, want) {
		t.Errorf("published are %v, want %v", got, want)
	}
}

// TestImageIsMadeOfWhatIsThere follows the COPY lines of the Dockerfile and its list of
// what the build may see.
func TestImageIsMadeOfWhatIsThere(t *testing.T) {
	dockerfile := read(t, "docker/Dockerfile")
	seen := read(t, "docker/Dockerfile.dockerignore")
	for _, m := range regexp.MustCompile(`(?m)^COPY ([^-].*) \S+$`).FindAllStringSubmatch(dockerfile, -1) {
		for _, from := range strings.Fields(m[1]) {
			if _, err := os.Stat(filepath.Join("..", from)); err != nil {
				t.Errorf("COPY: %v", err)
			}
			if !strings.Contains(seen, "!"+from+"\n") {
				t.Errorf("COPY %s: Dockerfile.dockerignore hides it", from)
			}
		}
	}
	testkit.Holds(t, "the Dockerfile", dockerfile, "FROM scratch", "USER 65532:65532", "CGO_ENABLED=0")
}

// stanzas reads a Splunk .conf file: settings by stanza.
func stanzas(t *testing.T, file string) map[string]map[string]string {
	t.Helper()
	all := make(map[string]map[string]string)
	var open map[string]string
	for lines := bufio.NewScanner(strings.NewReader(read(t, file))); lines.Scan(); {
		line := strings.TrimSpace(lines.Text())
		switch name, value, setting := strings.Cut(line, "="); {
		case line == "" || line[0] == '#':
		case line[0] == '[':
			open = make(map[string]string)
			all[strings.Trim(line, "[]")] = open
		case setting && open != nil:
			open[strings.TrimSpace(name)] = strings.TrimSpace(value)
		default:
			t.Errorf("%s: %q is no setting", file, line)
		}
	}
	return all
}

// indexesOf returns the indexes that the classes of all families and packs have in a profile.
func indexesOf(t *testing.T, profile string) []string {
	t.Helper()
	packs := testkit.Try(catalog.Load())(t)
	set := testkit.Try(matcher.Compile(nil, packs, matcher.Options{Profile: profile}))(t)
	classes := dialect.Classes(set)
	names := testkit.Try(splunk.NewProfile(profile, splunk.Naming{}, classes))(t)
	var all []string
	for _, class := range classes {
		if index := names.Metadata(class, splunk.SourceInfo{Vendor: dialect.Auto}).Index; index != "" {
			all = append(all, index)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func TestSplunkHasTheIndexesThatSourcesName(t *testing.T) {
	const conf = "splunk/apps/syslog_gateway/default/"
	indexes := stanzas(t, conf+"indexes.conf")
	for name, s := range indexes {
		if s["frozenTimePeriodInSecs"] != "31536000" || s["maxTotalDataSizeMB"] != "102400" {
			t.Errorf("index %s keeps %s s and %s MB, want 365 days and 100 GB", name, s["frozenTimePeriodInSecs"], s["maxTotalDataSizeMB"])
		}
		if s["homePath"] != "$SPLUNK_DB/"+name+"/db" || s["coldPath"] != "$SPLUNK_DB/"+name+"/colddb" || s["thawedPath"] != "$SPLUNK_DB/"+name+"/thaweddb" {
			t.Errorf("index %s: paths %v", name, s)
		}
	}
	want := append(pack.Roles(), "firewall", "network", "os", "unifi")
	want = slices.DeleteFunc(want, func(name string) bool { return name == "main" }) // Splunk's own
	slices.Sort(want)
	if got := slices.Sorted(maps.Keys(indexes)); !slices.Equal(got, want) {
		t.Errorf("indexes are %q, want %q", got, want)
	}
	token := stanzas(t, conf+"inputs.conf")["http://syslog-gateway"]
	allowed := strings.Split(token["indexes"], ",")
	for name := range indexes {
		if !slices.Contains(allowed, name) {
			t.Errorf("the token may not write to %s", name)
		}
	}
	for name, s := range config.Default().Sources {
		if indexes[s.Index] == nil {
			t.Errorf("source %s goes to the index %s, which Splunk does not have", name, s.Index)
		}
	}
	for _, profile := range []string{"default", "sc4s"} {
		for _, name := range indexesOf(t, profile) {
			if indexes[name] == nil && name != "main" || !slices.Contains(allowed, name) {
				t.Errorf("events go to the index %s in profile %s; Splunk does not have it, or the token may not write to it", name, profile)
			}
		}
	}
	testkit.Holds(t, "compose.yaml gives no token to the input of the app", read(t, "splunk/compose.yaml"), "http://syslog-gateway:\n                  token: ${SPLUNK_HEC_TOKEN:?")
	if _, written := token["token"]; written {
		t.Error("a token stands in inputs.conf")
	}
}
