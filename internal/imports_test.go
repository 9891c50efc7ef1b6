package internal_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// allowed says which of our packages each package may import. Data flows one way, and
// so do imports: stages know what flows and nothing of one another; internal/service joins
// them. What is not listed may import nothing of ours.
var allowed = map[string][]string{
	"internal/packtest/savings": {"internal/dialect", "internal/event", "internal/ingest", "internal/ledger", "internal/matcher", "internal/pack", "internal/pack/catalog", "internal/rules", "internal/splunk"},
	"internal/strftime":         {"internal/syslog"},
	"internal/packtest":         {"internal/dialect", "internal/event", "internal/ingest", "internal/ledger", "internal/matcher", "internal/pack", "internal/rules", "internal/splunk"},
	"internal/pack":             {"internal/strftime", "internal/suggest", "internal/syslog", "internal/yamlcause"},
	"internal/yamlcause":        {},
	"internal/pack/catalog":     {"internal/pack"},
	"internal/packwhy":          {"internal/dialect", "internal/matcher", "internal/pack", "internal/packtest"},
	"internal/packnew": {
		"internal/body", "internal/dialect", "internal/matcher", "internal/pack", "internal/packtest", "internal/syslog",
	},
	"internal/importer": {
		"internal/config", "internal/dialect", "internal/matcher", "internal/pack", "internal/pack/catalog", "internal/redact", "internal/splunk",
	},
	"internal/matcher": {"internal/body", "internal/pack", "internal/strftime", "internal/suggest", "internal/syslog"},
	"internal/body":    {"internal/event", "internal/syslog"},
	"internal/event":   {"internal/ledger"},
	"internal/syslog":  {},
	"internal/relp":    {},
	"internal/dialect": {"internal/body", "internal/matcher", "internal/suggest", "internal/syslog"},
	"internal/listener": {
		"internal/ledger", "internal/throttle", "internal/status", "internal/ingest", "internal/listener/inherit", "internal/listener/udp", "internal/fairshare", "internal/proxyproto", "internal/relp",
	},
	"internal/balancer": {"internal/event", "internal/waitlist"},
	"internal/deflate":  {},
	"internal/shard":    {"internal/event", "internal/deflate", "internal/throttle"},
	"internal/queue": {
		"internal/event", "internal/ledger", "internal/throttle", "internal/status", "internal/durable", "internal/queue/quarantine", "internal/queue/recovery", "internal/queue/segment",
	},
	"internal/hec": {
		"internal/event", "internal/redact", "internal/ledger", "internal/throttle", "internal/deadletter", "internal/hec/endpoints",
	},
	"internal/hec/hecserver": {"internal/event"},
	"internal/hec/hectest":   {"internal/hec/hecserver", "internal/event"},
	"internal/stats": {
		"internal/senders", "internal/tap", "internal/ledger", "internal/status", "internal/throttle", "internal/stats/auth", "internal/stats/control", "internal/stats/desk", "internal/stats/haproxy", "internal/handbook", "internal/stats/history", "internal/stats/metrics", "internal/stats/monitor", "internal/stats/problems", "internal/stats/text", "internal/printable", "internal/fairshare", "docs",
	},
	"internal/certificate":   {},
	"internal/authority":     {"internal/durable"},
	"internal/config":        {"internal/certificate", "internal/pack", "internal/printable", "internal/redact", "internal/suggest", "internal/yamlcause"},
	"internal/redact":        {},
	"internal/senders":       {},
	"internal/tap":           {},
	"internal/throttle":      {},
	"internal/cli":           {"internal/suggest"},
	"internal/suggest":       {},
	"internal/durable":       {},
	"internal/testkit":       {}, // of tests and bench
	"internal/testkit/abort": {}, // of tools that measure
	"internal/preflight":     {"internal/hec/endpoints", "internal/printable", "internal/redact", "internal/stats/text"},
	"internal/printable":     {},
	"internal/splunk":        {"internal/dialect", "internal/matcher"},
	"internal/stats/auth":    {},
	"internal/stats/control": {},
	"internal/handbook":      {},
	"internal/stats/desk":    {"internal/ledger", "internal/stats/haproxy", "internal/stats/history", "internal/stats/monitor", "internal/stats/text", "internal/status", "internal/tap"},
	"internal/stats/history": {"internal/durable", "internal/printable"},
	"internal/stats/screen":  {"internal/printable", "internal/stats/history", "internal/stats/monitor", "internal/stats/text", "internal/status"},
	"internal/stats/metrics": {"internal/status", "internal/ledger", "internal/stats/monitor"},
	"internal/stats/haproxy": {
		"internal/status", "internal/stats/monitor", "internal/stats/text", "internal/printable",
	},
	"internal/stats/monitor": {
		"internal/status", "internal/ledger", "internal/senders", "internal/stats/history", "internal/stats/problems", "internal/stats/text", "internal/printable",
	},
	"internal/stats/problems":               {"internal/printable"},
	"internal/stats/text":                   {"internal/printable"},
	"internal/status":                       {"internal/ledger"},
	"internal/status/statustest":            {"internal/status"},
	"internal/fairshare":                    {},
	"internal/ingest":                       {"internal/dialect", "internal/event", "internal/fairshare", "internal/ledger", "internal/matcher", "internal/proxyproto", "internal/relp", "internal/rules", "internal/senders", "internal/splunk", "internal/syslog", "internal/tap", "internal/throttle"},
	"internal/rules":                        {"internal/body", "internal/dialect", "internal/event", "internal/matcher", "internal/pack", "internal/syslog"},
	"internal/ingest/ingesttest":            {"internal/event"}, // of tests
	"internal/listener/inherit":             {},
	"internal/listener/udp":                 {"internal/listener/inherit", "internal/throttle"},
	"internal/proxyproto":                   {},
	"internal/listener/inherit/inherittest": {"internal/testkit"}, // of tests
	"internal/hec/endpoints":                {"internal/throttle", "internal/waitlist", "internal/status"},
	"internal/deadletter":                   {"internal/durable", "internal/event", "internal/status"},
	"internal/waitlist":                     {},
	"internal/queue/inspect": {
		"internal/event", "internal/durable", "internal/queue/quarantine", "internal/queue/recovery", "internal/queue/segment",
	},
	"internal/queue/recovery":   {"internal/durable", "internal/queue/quarantine", "internal/queue/segment"},
	"internal/queue/quarantine": {"internal/durable", "internal/queue/segment"},
	"internal/queue/segment":    {"internal/event"},
	"internal/owner":            {},
	"internal/service": {
		"internal/balancer", "internal/certificate", "internal/config", "internal/deadletter", "internal/event", "internal/forward", "internal/hec", "internal/hec/endpoints", "internal/ingest", "internal/jetstream", "internal/ledger", "internal/listener", "internal/listener/inherit", "internal/owner", "internal/queue", "internal/rules", "internal/senders", "internal/shard", "internal/stats", "internal/stats/history", "internal/stats/metrics", "internal/stats/problems", "internal/status", "internal/systemd", "internal/tap", "internal/wiring",
	},
	"internal/systemd": {},
	"internal/wiring":  {"internal/certificate", "internal/config", "internal/dialect", "internal/event", "internal/hec", "internal/hec/endpoints", "internal/ingest", "internal/jetstream", "internal/ledger", "internal/matcher", "internal/pack", "internal/pack/catalog", "internal/rules", "internal/splunk", "internal/stats/auth", "internal/stats/control", "internal/status", "internal/systemd"},

	"internal/jetstream": {
		"internal/durable", "internal/event", "internal/ledger", "internal/status", "internal/throttle",
	},
	"internal/jetstream/jetstreamtest": {"internal/testkit"}, // of tests
	"internal/forward":                 {"internal/event", "internal/ledger", "internal/throttle"},
	"internal/cli/manual":              {"internal/cli"},

	"internal/infra/declaration": {
		"internal/infra/secrets", "internal/infra/zone", "internal/redact", "internal/infra/declaration/reader",
	},
	"internal/infra/secrets":                   {},
	"internal/infra/secrets/needs":             {"internal/infra/secrets", "internal/redact"},
	"internal/infra/secrets/github":            {"internal/printable", "internal/redact"},
	"internal/infra/secrets/github/githubtest": {"internal/testkit"}, // of tests
	"internal/infra/zone":                      {},
	"internal/infra/pve":                       {"internal/printable"},
	"internal/infra/pvesim": {
		"internal/infra/pvesim/access", "internal/infra/pvesim/api", "internal/infra/pvesim/api/datacenter", "internal/infra/pvesim/api/firewall", "internal/infra/pvesim/api/guests", "internal/infra/pvesim/knobs", "internal/infra/pvesim/schema", "internal/infra/pvesim/store",
	},
	"internal/infra/plan/change": {"internal/infra/declaration", "internal/infra/zone"},
	"internal/infra/plan/dns":    {"internal/infra/declaration", "internal/infra/plan/change", "internal/infra/zone"},
	"internal/infra/plan/scope":  {"internal/infra/declaration", "internal/infra/plan/change"},
	"internal/infra/plan/rules": {
		"internal/infra/declaration", "internal/infra/pve", "internal/infra/plan/change", "internal/printable",
	},
	"internal/infra/plan/live": {
		"internal/infra/declaration", "internal/infra/pve", "internal/infra/plan/change", "internal/infra/plan/rules", "internal/infra/plan/scope",
	},
	"internal/infra/plan/guest": {
		"internal/infra/declaration", "internal/infra/pve", "internal/infra/plan/change", "internal/infra/plan/live", "internal/infra/plan/scope",
	},
	"internal/infra/plan/firewall": {
		"internal/infra/declaration", "internal/infra/pve", "internal/infra/plan/change", "internal/infra/plan/live", "internal/infra/plan/rules", "internal/infra/plan/scope",
	},
	"internal/infra/plan/acme": {
		"internal/infra/declaration", "internal/infra/pve", "internal/infra/plan/change", "internal/infra/plan/live",
	},
	"internal/infra/plan/storage": {
		"internal/infra/declaration", "internal/infra/pve", "internal/infra/plan/change", "internal/infra/plan/live", "internal/infra/plan/scope",
	},
	"internal/infra/plan": {
		"internal/infra/declaration", "internal/infra/pve", "internal/infra/plan/acme", "internal/infra/plan/change", "internal/infra/plan/dns", "internal/infra/plan/firewall", "internal/infra/plan/guest", "internal/infra/plan/live", "internal/infra/plan/scope", "internal/infra/plan/storage", "internal/printable",
	},
	"internal/infra/apply": {
		"internal/infra/pve", "internal/infra/plan", "internal/infra/plan/change", "internal/infra/plan/guest", "internal/infra/plan/rules", "internal/infra/zone", "internal/printable",
	},
	"internal/infra/state":        {"internal/durable", "internal/infra/amazon"},
	"internal/infra/state/shared": {"internal/infra/amazon", "internal/infra/state"},
	"internal/infra/state/backend": {
		"internal/infra/amazon", "internal/infra/declaration", "internal/infra/state", "internal/infra/state/shared",
	},
	"internal/infra/amazon":             {"internal/infra/zone"},
	"internal/infra/amazon/amazontest":  {}, // of tests
	"internal/infra/inventory":          {"internal/infra/declaration", "internal/durable"},
	"internal/infra/render":             {"internal/infra/declaration"},
	"internal/infra/declaration/reader": {"internal/suggest"},
	"internal/infra/pvesim/conf":        {},
	"internal/infra/pvesim/refusal":     {},
	"internal/infra/pvesim/schema":      {},
	"internal/infra/pvesim/task":        {"internal/infra/pvesim/refusal"},
	"internal/infra/pvesim/access":      {"internal/infra/pvesim/conf", "internal/infra/pvesim/refusal"},
	"internal/infra/pvesim/firewall":    {"internal/infra/pvesim/conf", "internal/infra/pvesim/refusal"},
	"internal/infra/pvesim/store": {
		"internal/infra/pvesim/access", "internal/infra/pvesim/conf", "internal/infra/pvesim/firewall", "internal/infra/pvesim/refusal", "internal/infra/pvesim/schema", "internal/infra/pvesim/task",
	},
	"internal/infra/pvesim/knobs": {
		"internal/infra/pvesim/refusal", "internal/infra/pvesim/store", "internal/infra/pvesim/task",
	},
	"internal/infra/pvesim/api": {
		"internal/infra/pvesim/access", "internal/infra/pvesim/knobs", "internal/infra/pvesim/refusal", "internal/infra/pvesim/schema", "internal/infra/pvesim/store", "internal/infra/pvesim/task",
	},
	"internal/infra/pvesim/api/datacenter": {
		"internal/infra/pvesim/access", "internal/infra/pvesim/api", "internal/infra/pvesim/conf", "internal/infra/pvesim/refusal", "internal/infra/pvesim/schema", "internal/infra/pvesim/store", "internal/infra/pvesim/task",
	},
	"internal/infra/pvesim/api/firewall": {
		"internal/infra/pvesim/api", "internal/infra/pvesim/conf", "internal/infra/pvesim/firewall", "internal/infra/pvesim/refusal", "internal/infra/pvesim/schema", "internal/infra/pvesim/store",
	},
	"internal/infra/pvesim/api/guests": {
		"internal/infra/pvesim/api", "internal/infra/pvesim/conf", "internal/infra/pvesim/refusal", "internal/infra/pvesim/schema", "internal/infra/pvesim/store", "internal/infra/pvesim/task",
	},
	"internal/infra/workflow": {
		"internal/infra/declaration", "internal/infra/pve", "internal/infra/state", "internal/infra/inventory", "internal/infra/plan", "internal/infra/plan/change", "internal/infra/plan/live", "internal/infra/apply", "internal/infra/workflow/upload", "internal/infra/workflow/preflight", "internal/infra/amazon", "internal/infra/state/backend", "internal/infra/zone", "internal/printable",
	},
	"internal/infra/tfimport":        {"internal/infra/state"},
	"internal/infra/workflow/upload": {"internal/infra/pve", "internal/redact"},
	"internal/infra/workflow/preflight": {
		"internal/infra/declaration", "internal/infra/pve", "internal/infra/plan/change", "internal/infra/plan/live", "internal/infra/workflow/upload",
	},
	"internal/infra/workflow/example": {"internal/infra/declaration", "internal/infra/pvesim"},
	"internal/infra/workflow/workflowtest": { // of tests
		"internal/infra/declaration", "internal/infra/pvesim", "internal/infra/pvesim/schema", "internal/infra/workflow/example", "internal/testkit",
	},
}

func TestImportDirection(t *testing.T) {
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		pkg := filepath.ToSlash(filepath.Dir(strings.TrimPrefix(path, "../")))
		if !strings.HasPrefix(pkg, "internal/") {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, imp := range file.Imports {
			name, _ := strconv.Unquote(imp.Path.Value)
			ours, ok := strings.CutPrefix(name, "syslog-gateway/")
			if ok && !slices.Contains(allowed[pkg], ours) {
				t.Errorf("%s imports %s: only internal/service joins the stages; declare the interface that %s needs", path, ours, pkg)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestTheServerIsAProgramOfItsOwn: the gateway is linked with the client of NATS and not with
// the server, which has a process, a user and a memory limit of its own.
func TestTheServerIsAProgramOfItsOwn(t *testing.T) {
	const server = "github.com/nats-io/nats-server/v2/server"
	for program, want := range map[string]bool{"gateway": false, "provision": false, "queue-server": true} {
		out, err := exec.Command("go", "list", "-deps", "../cmd/"+program).Output()
		if err != nil {
			t.Fatal(err)
		}
		if got := slices.Contains(strings.Fields(string(out)), server); got != want {
			t.Errorf("cmd/%s is linked with %s: %v, want %v", program, server, got, want)
		}
	}
}
