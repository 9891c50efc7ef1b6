package internal_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// allowed says which of our packages each package may import. Data flows one way, and
// so do imports: stages know what flows and nothing of one another; only cmd joins
// them. What is not listed may import nothing of ours.
var allowed = map[string][]string{
	"internal/event":         {"internal/ledger"},
	"internal/syslog":        {},
	"internal/dialect":       {"internal/syslog", "internal/suggest"},
	"internal/listener":      {"internal/event", "internal/syslog", "internal/dialect", "internal/senders", "internal/tap", "internal/ledger", "internal/throttle"},
	"internal/balancer":      {"internal/event"},
	"internal/deflate":       {},
	"internal/shard":         {"internal/event", "internal/deflate", "internal/throttle"},
	"internal/queue":         {"internal/event", "internal/ledger", "internal/throttle"},
	"internal/hec":           {"internal/event", "internal/redact", "internal/ledger", "internal/throttle"},
	"internal/hec/hecserver": {},
	"internal/hec/hectest":   {"internal/hec/hecserver"},
	"internal/stats":         {"internal/event", "internal/senders", "internal/tap", "internal/ledger"},
	"internal/config":        {"internal/redact", "internal/suggest"},
	"internal/redact":        {},
	"internal/senders":       {},
	"internal/tap":           {},
	"internal/throttle":      {},
	"internal/suggest":       {},
	"internal/durable":       {},
	"internal/testkit":       {}, // of tests and bench

	"internal/infra/declaration": {"internal/infra/secrets", "internal/suggest"},
	"internal/infra/secrets":     {},
	"internal/infra/pve":         {},
	"internal/infra/pvesim":      {},
	"internal/infra/plan/change": {"internal/infra/declaration"},
	"internal/infra/plan/scope":  {"internal/infra/declaration", "internal/infra/plan/change"},
	"internal/infra/plan/rules":  {"internal/infra/declaration", "internal/infra/pve", "internal/infra/plan/change"},
	"internal/infra/plan/live": {"internal/infra/declaration", "internal/infra/pve",
		"internal/infra/plan/change", "internal/infra/plan/rules", "internal/infra/plan/scope"},
	"internal/infra/plan/guest": {"internal/infra/declaration", "internal/infra/pve",
		"internal/infra/plan/change", "internal/infra/plan/live", "internal/infra/plan/scope"},
	"internal/infra/plan/firewall": {"internal/infra/declaration", "internal/infra/pve",
		"internal/infra/plan/change", "internal/infra/plan/live", "internal/infra/plan/rules", "internal/infra/plan/scope"},
	"internal/infra/plan/acme": {"internal/infra/declaration", "internal/infra/pve", "internal/infra/plan/change", "internal/infra/plan/live"},
	"internal/infra/plan/storage": {"internal/infra/declaration", "internal/infra/pve",
		"internal/infra/plan/change", "internal/infra/plan/live", "internal/infra/plan/scope"},
	"internal/infra/plan": {"internal/infra/declaration", "internal/infra/pve",
		"internal/infra/plan/acme", "internal/infra/plan/change", "internal/infra/plan/firewall", "internal/infra/plan/guest",
		"internal/infra/plan/live", "internal/infra/plan/scope", "internal/infra/plan/storage"},
	"internal/infra/apply": {"internal/infra/declaration", "internal/infra/pve", "internal/infra/state",
		"internal/infra/plan", "internal/infra/plan/change", "internal/infra/plan/guest", "internal/infra/plan/rules"},
	"internal/infra/state":     {"internal/durable"},
	"internal/infra/inventory": {"internal/infra/declaration", "internal/durable"},
	"internal/infra/render":    {"internal/infra/declaration"},

	"internal/infra/workflow": {"internal/infra/declaration", "internal/infra/pve", "internal/infra/state", "internal/infra/inventory",
		"internal/infra/plan", "internal/infra/plan/change", "internal/infra/plan/live", "internal/infra/apply", "internal/infra/workflow/upload"},
	"internal/infra/workflow/upload":    {"internal/infra/declaration", "internal/infra/pve"},
	"internal/infra/workflow/preflight": {"internal/infra/declaration", "internal/infra/pve", "internal/infra/workflow/upload"},
	"internal/infra/workflow/example":   {"internal/infra/declaration", "internal/infra/pvesim"},
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
				t.Errorf("%s imports %s: only cmd joins the stages; declare the interface that %s needs", path, ours, pkg)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
