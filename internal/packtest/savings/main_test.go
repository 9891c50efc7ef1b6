package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"syslog-gateway/internal/testkit"
)

// TestRun: a rule is measured by what it leaves out of its product.
func TestRun(t *testing.T) {
	folder := t.TempDir()
	testkit.Must(t, os.Mkdir(filepath.Join(folder, "cisco_asa"), 0o700))
	text := "<166>Mar 14 14:28:52 fw-a : %ASA-7-609001: Built local-host inside:192.0.2.7\n" +
		"<164>Mar 14 14:28:52 fw-a : %ASA-4-106023: Deny tcp src outside:203.0.113.9\n\n"
	testkit.Must(t, os.WriteFile(filepath.Join(folder, "cisco_asa", "a.log"), []byte(text), 0o600))
	var out bytes.Buffer
	testkit.Must(t, run(folder, &out))
	for _, want := range []string{
		"2 lines, 151 bytes\n",
		"| `cisco_asa_rules.no_local_hosts` | 2 | 1 | 151 | 50.3 % |\n",
		"| `cisco_asa_rules.no_teardown` | 2 | 0 | 151 | 0.0 % |\n",
		"| `fortinet_fortigate.no_dns_ntp` | 0 | 0 | 0 | – |\n",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is missing in\n%s", want, out.String())
		}
	}
	if err := run(t.TempDir(), &out); err == nil {
		t.Error("an empty folder is no error")
	}
}
