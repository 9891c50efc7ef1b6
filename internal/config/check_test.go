package config

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"syslog-gateway/internal/certificate"
	"syslog-gateway/internal/redact"
	"syslog-gateway/internal/testkit"
)

func write(t *testing.T, path, text string) string {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// selfSigned writes a certificate and its key.
func selfSigned(t *testing.T, dir string) (cert, key string) {
	t.Helper()
	authority, err := testkit.NewAuthority()
	if err != nil {
		t.Fatal(err)
	}
	issued, err := authority.Issue(time.Now().Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	certPEM, keyPEM, err := testkit.Files(issued)
	if err != nil {
		t.Fatal(err)
	}
	return write(t, filepath.Join(dir, "cert.pem"), string(certPEM)), write(t, filepath.Join(dir, "key.pem"), string(keyPEM))
}

func TestToken(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "hec_token"), "from-credential\n")
	file := write(t, filepath.Join(dir, "file"), "  from-file\r\n")
	blank := t.TempDir()
	write(t, filepath.Join(blank, "hec_token"), "\n")
	credentials, variable := "CREDENTIALS_DIRECTORY="+dir, "SPLUNK_HEC_TOKEN=from-env"

	for _, c := range []struct {
		name string
		hec  HEC
		env  []string
		want string
	}{
		{"all four", HEC{Token: "from-key", TokenFile: file}, []string{credentials, variable}, "from-env"},
		{"file before credential", HEC{Token: "from-key", TokenFile: file}, []string{credentials}, "from-file"},
		{"credential before key", HEC{Token: "from-key"}, []string{credentials}, "from-credential"},
		{"key", HEC{Token: "from-key"}, nil, "from-key"},
		{"empty variable is none", HEC{Token: "from-key"}, []string{"SPLUNK_HEC_TOKEN= "}, "from-key"},
		{"blank credential is none", HEC{Token: "from-key"}, []string{"CREDENTIALS_DIRECTORY=" + blank}, "from-key"},
		{"credentials of others only", HEC{Token: "from-key"}, []string{"CREDENTIALS_DIRECTORY=" + t.TempDir()}, "from-key"},
		{"last variable wins", HEC{}, []string{"SPLUNK_HEC_TOKEN=a", variable}, "from-env"},
	} {
		got, err := Config{HEC: c.hec}.Token(c.env)
		if err != nil || got.Reveal() != c.want {
			t.Errorf("%s: %q, %v; want %q", c.name, got.Reveal(), err, c.want)
		}
	}
}

func TestTokenThatCanNotBeUsed(t *testing.T) {
	dir := t.TempDir()
	empty := write(t, filepath.Join(dir, "empty"), "\n")
	if err := os.Mkdir(filepath.Join(dir, "hec_token"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		hec  HEC
		env  []string
		want []string
	}{
		{HEC{}, nil, []string{"SPLUNK_HEC_TOKEN", "hec.token_file", "systemd credential hec_token", "hec.token:"}},
		{HEC{TokenFile: filepath.Join(dir, "none"), Token: "hunter2"}, nil, []string{"hec.token_file", "none", "no such file"}},
		{HEC{TokenFile: empty}, nil, []string{"hec.token_file", "is empty"}},
		{HEC{}, []string{"CREDENTIALS_DIRECTORY=" + dir}, []string{"systemd credential hec_token", "is a directory"}},
		{HEC{}, []string{"SPLUNK_HEC_TOKEN=Splunk hunter2"}, []string{"SPLUNK_HEC_TOKEN", "without the word Splunk"}},
		{HEC{Token: redact.Placeholder}, nil, []string{"hec.token: is the placeholder"}},
	} {
		token, err := Config{HEC: c.hec}.Token(c.env)
		wantError(t, err, c.want...)
		if token != "" || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%v: %v", token.Reveal(), err)
		}
	}
}

// checkable returns a configuration that passes Check.
func checkable(t *testing.T) (c Config, dir string) {
	dir = t.TempDir()
	cert, key := selfSigned(t, dir)
	c = Default()
	s := newSource(6514, "auto", "os")
	s.Protocols, s.TLS = []string{"tls"}, ServerTLS{CertFile: cert, KeyFile: key, ClientCAFile: cert, MinVersion: "1.3"}
	c.Sources["secure"] = s
	c.Stats.TLS.CertFile, c.Stats.TLS.KeyFile = cert, key
	c.HEC.TLS.CAFile = cert
	c.HEC.Token = "t"
	c.Queue.Path = filepath.Join(dir, "state", "queue")
	c.DeadLetter.Path = filepath.Join(dir, "dead-letter")
	return c, dir
}

func TestCheck(t *testing.T) {
	c, dir := checkable(t)
	if err := os.Mkdir(c.DeadLetter.Path, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := c.check(nil); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]int{dir: 3, c.DeadLetter.Path: 0} { // certificate, key, dead-letter
		if remaining, err := os.ReadDir(path); err != nil || len(remaining) != want {
			t.Errorf("Check leaves %v in %s, %v", remaining, path, err)
		}
	}
	t.Setenv("SPLUNK_HEC_TOKEN", "")
	t.Setenv("CREDENTIALS_DIRECTORY", "")
	if err := c.Check(); err != nil {
		t.Errorf("with the real environment: %v", err)
	}
}

func TestCheckSaysAllAtOnce(t *testing.T) {
	c, dir := checkable(t)
	junk := write(t, filepath.Join(dir, "junk"), "no PEM")
	s := c.Sources["secure"]
	s.TLS.ClientCAFile = junk
	c.Sources["secure"] = s
	c.Stats.TLS.KeyFile = filepath.Join(dir, "none.key")
	c.HEC.TLS.CAFile = junk
	c.HEC.Token = ""
	c.HEC.InFlight = 100
	c.Queue.Path = filepath.Join(junk, "queue")
	c.DeadLetter.Path = junk
	wantError(t, c.check(nil),
		"hec.in_flight: 100 is out of range",
		"hec.token: there is no HEC token",
		"sources.secure.tls: client_ca_file "+junk+": holds no PEM certificate",
		"stats.tls: load cert_file", "none.key: no such file",
		"hec.tls: ca_file "+junk+": holds no PEM certificate",
		"queue.path: ", "not a directory",
		"dead_letter.path: "+display(junk)+" is not a directory")

	c.Queue.Path = "/proc/nothing-can-be-made-here"
	wantError(t, c.check(nil), `queue.path: "/proc" is not writable`)
}

func TestFilesOfTLS(t *testing.T) {
	if (ServerTLS{}).On() {
		t.Error("TLS without a certificate")
	}
	s := ServerTLS{CertFile: "a", KeyFile: "b", Certificates: []KeyPair{{"c", "d"}}, ClientCAFile: "e", CRLFile: "f"}
	want := certificate.Files{Pairs: []certificate.Pair{{CertFile: "a", KeyFile: "b"}, {CertFile: "c", KeyFile: "d"}}, CAFile: "e", CRLFile: "f"}
	if got := s.Files(); !reflect.DeepEqual(got, want) || !s.On() {
		t.Errorf("%+v", got)
	}
	s.CertFile, s.KeyFile = "", ""
	if got := s.Files().Pairs; len(got) != 1 || got[0].CertFile != "c" || !s.On() {
		t.Errorf("%+v", got)
	}
}
