package wiring

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"syslog-gateway/internal/config"
	"syslog-gateway/internal/testkit"
)

var yamlBlock = regexp.MustCompile("(?s)```yaml\n(.*?)```")

// TestConfigurationsInDocuments: the parts of a configuration in the documents on packs,
// rules, TLS and devices are valid, and the packs and classes in them exist.
func TestConfigurationsInDocuments(t *testing.T) {
	files, _ := filepath.Glob("../../docs/devices/*.md") // a good pattern
	secret := filepath.Join(t.TempDir(), "mask_secret")
	testkit.Must(t, os.WriteFile(secret, []byte("the secret of the documents"), 0o600))
	authority := testkit.Try(testkit.NewAuthority())(t)
	cert, key, err := testkit.Files(testkit.Try(authority.Issue(time.Now().Add(time.Hour)))(t))
	testkit.Must(t, err)
	tls := t.TempDir()
	testkit.Must(t, os.WriteFile(filepath.Join(tls, "cert.pem"), cert, 0o600))
	testkit.Must(t, os.WriteFile(filepath.Join(tls, "key.pem"), key, 0o600))
	present := strings.NewReplacer("/etc/syslog-gateway/mask_secret", secret, "/etc/syslog-gateway/cert.pem", tls+"/cert.pem", "/etc/syslog-gateway/key.pem", tls+"/key.pem")
	found := 0
	for _, name := range append(files, "../../docs/packs.md", "../../docs/rules.md", "../../docs/tls.md") {
		text := testkit.Try(os.ReadFile(name))(t)
		for _, m := range yamlBlock.FindAllSubmatch(text, -1) {
			if strings.HasPrefix(string(m[1]), "format:") { // a pack
				continue
			}
			found++
			file := filepath.Join(t.TempDir(), "gateway.yaml")
			testkit.Must(t, os.WriteFile(file, []byte(present.Replace(string(m[1]))), 0o600))
			c, err := config.Load(file, nil, nil)
			if err == nil {
				_, err = Sources(c)
			}
			if err != nil {
				t.Errorf("%s: %v\n%s", name, err, m[1])
			}
		}
	}
	if found < 5 {
		t.Errorf("only %d parts are checked", found)
	}
}
