package declaration

import (
	"fmt"
	"strings"
	"testing"
)

// TestForeseen has what Proxmox VE, or the firewall, would refuse later.
func TestForeseen(t *testing.T) {
	const base = `{"network_prefix": %q, "ssh_public_key": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAICZUzpX4Slhk8yygcPvyLScXJ4ZloIvSNbIxGixHH4fC t",
		"containers": {"web": {"vm_id": 101, "hostname": "web"%s}}}`
	for name, tc := range map[string]struct{ prefix, extra, want string }{
		"fine":        {"10.20.30", `, "tags": ["haproxy"]`, ""},
		"network":     {"203.0.113", `, "tags": ["haproxy"]`, "is not in internal_networks"},
		"no class":    {"203.0.113", ``, ""},
		"description": {"10.20.30", `, "description": "` + strings.Repeat("x", 9000) + `"`, "has 9000 characters; 8192 at most"},
		"word":        {"10.20.30", `, "cores": 2`, "did you mean cpu_cores?"},
		"other word":  {"10.20.30", `, "swap": 2`, "did you mean memory_swap?"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Load(t.Context(), withText(t, fmt.Sprintf(base, tc.prefix, tc.extra)))
			switch {
			case tc.want == "" && err != nil:
				t.Error(err)
			case tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)):
				t.Errorf("want %s, got %v", tc.want, err)
			}
		})
	}
}
