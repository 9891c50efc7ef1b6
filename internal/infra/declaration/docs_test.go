package declaration

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"syslog-gateway/internal/testkit"
)

// TestDocsListEveryKey asks the reader for a key that does not exist: it then names what it
// knows, and docs/provision.md must have all of that.
func TestDocsListEveryKey(t *testing.T) {
	text := string(testkit.Try(os.ReadFile(filepath.Join("..", "..", "..", "docs", "provision.md")))(t))
	var keys []string
	for _, s := range testkit.Try(Explain(t.Context(), withText(t, `{"network_prefix": "10.20.30", "splunk_vm_id": 200,
		"containers": {"a": {"vm_id": 101, "hostname": "a", "mount_points": [{"volume": "x1", "size": "1G", "path": "/d"}], "startup": "db", "firewall": {"in": [{"proto": "tcp", "ports": [1], "sources": ["b"]}]}}},
		"vms": {"b": {"vm_id": 102, "name": "b", "startup": "db", "boot_disk": {"datastore_id": "x1"}, "user_account": {"username": "u"}}}}`)))(t) {
		keys = append(keys, strings.FieldsFunc(s.Path, func(r rune) bool { return strings.ContainsRune("$.[]0123456789", r) })...)
	}
	slices.Sort(keys)
	for _, key := range slices.Compact(keys) {
		derived := slices.Contains([]string{"a", "b", "address", "firewall_class"}, key)
		if !derived && !strings.Contains(text, "`"+key+"`") {
			t.Errorf("docs/provision.md does not have the key %s", key)
		}
	}
}
