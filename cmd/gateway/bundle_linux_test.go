package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/crypto/bcrypt"

	"syslog-gateway/internal/cli"
	"syslog-gateway/internal/hec/hectest"
	"syslog-gateway/internal/testkit"
)

// unpacked returns the files of a bundle.
func unpacked(t *testing.T, file string) map[string]string {
	t.Helper()
	f := testkit.Try(os.Open(file))(t)
	defer f.Close()
	found := make(map[string]string)
	for r := tar.NewReader(testkit.Try(gzip.NewReader(f))(t)); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return found
		}
		testkit.Must(t, err)
		found[strings.TrimPrefix(h.Name, "syslog-gateway/")] = string(testkit.Try(io.ReadAll(r))(t))
	}
}

// program puts a shell script into the folder that PATH begins with.
func program(t *testing.T, folder, name, script string) {
	t.Helper()
	testkit.Must(t, os.WriteFile(filepath.Join(folder, name), []byte("#!/bin/sh\n"+script), 0o755))
}

// encoded returns a secret in the ways in which logs and answers may quote it.
func encoded(secret string) map[string]string {
	each := func(format string) string {
		var b strings.Builder
		for i := range len(secret) {
			fmt.Fprintf(&b, format, secret[i])
		}
		return b.String()
	}
	quoted, _ := json.Marshal(secret)
	all := map[string]string{
		"plain": secret, "upper": strings.ToUpper(secret), "hex": hex.EncodeToString([]byte(secret)), "url": url.QueryEscape(secret),
		"percent": each("%%%02x"), "html": html.EscapeString(secret), "entities": each("&#%d;"), "json": string(quoted), "unicode": each(`\u%04x`),
		"folded": secret[:len(secret)/2] + "\n " + secret[len(secret)/2:],
	}
	for lead := range 3 {
		code := base64.StdEncoding.EncodeToString([]byte(strings.Repeat(":", lead) + secret))
		all[fmt.Sprintf("base64 %d", lead)] = code
	}
	return all
}

// quotes returns an encoding of a secret that is left in a text, or "". Base64 is compared
// without its ends, which depend on what is around it.
func quotes(text, secret string) string {
	flat := strings.ToLower(strings.Join(strings.Fields(text), ""))
	for name, code := range encoded(secret) {
		code = strings.ToLower(strings.Join(strings.Fields(code), ""))
		if strings.HasPrefix(name, "base64") {
			code = code[4 : len(code)-4]
		}
		if strings.Contains(flat, code) {
			return name
		}
	}
	return ""
}

// TestBundleHoldsNoSecret: whatever a log, an answer of Splunk or the configuration itself
// quotes, no secret of the configuration is in the bundle in any encoding.
func TestBundleHoldsNoSecret(t *testing.T) {
	dir := t.TempDir()
	const token, password, admin, mask = "8f3a91c2-5d7e-4b60-a1f9-c27d3e80b64a", "Tr0ub4dor&3xyz", "correct+horse%41", "f00dfacef00dfacef00dfacef00dface"
	hash := string(testkit.Try(bcrypt.GenerateFromPassword([]byte(admin), bcrypt.MinCost))(t))
	secrets := []string{token, password, hash, mask}
	maskFile := filepath.Join(dir, "mask")
	testkit.Must(t, os.WriteFile(maskFile, []byte(mask+"\n"), 0o600))
	s := newSite(t, "packs: {mask_secret_file: "+maskFile+"}\n")
	yaml := strings.NewReplacer(`stats: {listen`, fmt.Sprintf(`stats: {username: reader, password: %q, admin_username: root, admin_password_hash: %q, listen`, password, hash),
		"hec: {", fmt.Sprintf("hec: {token: %q, ", token)).Replace(s.read())
	s.write(yaml)
	echo := hectest.Refuse(403, 4, "Invalid token: Splunk "+token)
	s.hec.SetScript(func(*hectest.Request) hectest.Answer { return echo })
	var log strings.Builder
	for _, secret := range secrets {
		for _, code := range encoded(secret) {
			fmt.Fprintf(&log, "Nov 30 gateway: said %s to it\n%s", code, strings.Repeat("filler of the log\n", 300))
		}
	}
	testkit.Must(t, os.WriteFile(filepath.Join(dir, "log"), []byte(log.String()), 0o600))
	program(t, dir, "journalctl", "cat "+dir+"/log\n")
	program(t, dir, "systemctl", "echo LoadState=not-found; echo Environment=SPLUNK_HEC_TOKEN="+token+"\n")
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	t.Setenv("SPLUNK_HEC_TOKEN", "")
	cmd := gatewayCommand(s.dir, "run", "-c", s.file)
	cmd.Env = append(cmd.Env, "SPLUNK_HEC_TOKEN="+token)
	s.spawn(cmd).waitReady(s.stats)
	fmt.Fprintln(s.dial("tcp", "linux"), line("linux", "one"))
	testkit.Eventually(t, "the endpoint echoes the token", func() bool { return s.hec.Requests() > 0 })

	file := filepath.Join(dir, "bundle.tar.gz")
	var out bytes.Buffer
	code := run(t.Context(), []string{"support-bundle", "-c", s.file, file}, cli.Streams{In: strings.NewReader(""), Out: &out, Err: &out})
	testkit.Equal(t, "exit code: "+out.String(), code, 0)
	if info := testkit.Try(os.Stat(file))(t); info.Mode().Perm() != 0o600 || info.Size() > 8<<20 {
		t.Errorf("mode %v, %d bytes", info.Mode(), info.Size())
	}
	parts := unpacked(t, file)
	for name, want := range map[string]string{
		"README.txt": "log.txt", "version.txt": "commit", "config.yaml": "token: <secret>", "check.txt": "port ", "system.txt": "Max open files",
		"status.json": `"sources"`, "ready.txt": "queue", "metrics.txt": "gateway_received", "log.txt": "filler of the log", "classes.json": "classes", "unit.txt": "LoadState",
		"environment.txt": "",
	} {
		testkit.Holds(t, name, parts[name], want)
		for _, secret := range secrets {
			if how := quotes(parts[name], secret); how != "" {
				t.Errorf("%s holds a secret: %s", name, how)
			}
		}
	}
	testkit.Lacks(t, "README", parts["README.txt"], "incomplete")
	for _, secret := range secrets { // the control: the log had them all
		if quotes(log.String(), secret) == "" {
			t.Error("the test sees nothing")
		}
	}
	out.Reset()
	code = run(t.Context(), []string{"support-bundle", "-c", s.file, file}, cli.Streams{In: strings.NewReader(""), Out: &out, Err: &out})
	testkit.Equal(t, "exit code for a file that is there", code, cli.Failed)
	testkit.Holds(t, "errors", out.String(), "is there already")
}

// Without a gateway, a log and a usable configuration there is a bundle all the same, bounded,
// which says what it lacks.
func TestBundleOfWhatThereIs(t *testing.T) {
	dir := t.TempDir()
	config := filepath.Join(dir, "gateway.yaml")
	testkit.Must(t, os.WriteFile(config, []byte("hec: {token: hunter2hunter2, timeout: 5}\n"), 0o600))
	program(t, dir, "journalctl", "head -c 50000000 /dev/zero | tr '\\0' x; echo the end; exit 1\n")
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	file := filepath.Join(dir, "bundle.tar.gz")
	var out bytes.Buffer
	code := run(t.Context(), []string{"support-bundle", "-c", config, file}, cli.Streams{In: strings.NewReader(""), Out: &out, Err: &out})
	testkit.Equal(t, "exit code: "+out.String(), code, 0)
	parts := unpacked(t, file)
	testkit.Holds(t, "configuration", parts["config.yaml"], "hec.timeout: 5 has no unit")
	testkit.Holds(t, "status", parts["status.json"], "incomplete: ")
	testkit.Holds(t, "log", parts["log.txt"], "the end", "incomplete: journalctl: exit status 1")
	if n := len(parts["log.txt"]); n > maxBundleLog+200 {
		t.Errorf("%d bytes of log", n)
	}
	testkit.Holds(t, "README", parts["README.txt"], "log.txt", "incomplete")
	for name, text := range parts {
		testkit.Lacks(t, name, text, "hunter2")
	}
}

// Secrets that do not count are no less secret: of variables and files that another one goes
// before, of a file that cannot be read as a configuration, of URLs, and of files for a cluster.
func TestBundleHoldsNoSecretThatDoesNotCount(t *testing.T) {
	dir := t.TempDir()
	const (
		inEnv, inKey, inFile, inYAML = "2f4d9638-134c-4372-87ec-55202d104f94", "af5f0233-2fbb-445b-b391-cc8d93dbf8e7", "956756dc-504c-42c6-8788-d219f4457e3c", "c399a26f-d904-4ee9-873e-d01e3206b60f"
		credential, statsPassword    = "b3d7f938-46fd-4bfc-b0ce-778bf68d6651", "Gr4nd+Canyon/77"
		seed, proxy, urlPassword     = "SUAMK2FG4MI6UE3ACF3FK3OIQBCEIEZV7NSWFFEW63UXMRLFM2XLAXK4GY", "squ1d-Tunnel", "b4sic!Colon"
	)
	all := []string{inEnv, inKey, inFile, inYAML, credential, statsPassword, seed, proxy, urlPassword}
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		testkit.Must(t, os.MkdirAll(filepath.Dir(path), 0o700))
		testkit.Must(t, os.WriteFile(path, []byte(text), 0o600))
		return path
	}
	write("credentials/hec_token", credential+"\n")
	write("credentials/stats_password", statsPassword+"\n")
	tokenFile := write("token", inFile+"\n")
	creds := write("queue.creds", "-----BEGIN USER NKEY SEED-----\n"+seed+"\n------END USER NKEY SEED------\n")
	program(t, dir, "journalctl", "printf '%s\\n' '"+strings.Join(all, "' '")+"'\n")
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	t.Setenv("CREDENTIALS_DIRECTORY", dir+"/credentials")
	t.Setenv("SPLUNK_HEC_TOKEN", inEnv)
	t.Setenv("GATEWAY_HEC__TOKEN", inKey)
	t.Setenv("HTTPS_PROXY", "http://user:"+proxy+"@proxy.example.com:3128")
	whole := "hec: {endpoints: ['https://splunk:8088'], token_file: " + tokenFile + ", token: '" + inYAML + "'}\nqueue: {jetstream: {credentials_file: " + creds + "}}\n"
	for name, c := range map[string]struct {
		yaml string
		sees []string // what the configuration does not lead to
	}{
		"good":        {whole, []string{urlPassword}},
		"wrong value": {strings.Replace(whole, "splunk:8088", "user:"+urlPassword+"@splunk:8088", 1), []string{inFile, seed}},
		"no YAML":     {"hec:\n  endpoints: [https://user:" + urlPassword + "@splunk:8088\n  token: " + inYAML + "   # ours\n", []string{inFile, seed}},
	} {
		file := filepath.Join(dir, name+".tar.gz")
		var out bytes.Buffer
		code := run(t.Context(), []string{"support-bundle", "-c", write("gateway.yaml", c.yaml), file}, cli.Streams{In: strings.NewReader(""), Out: &out, Err: &out})
		testkit.Equal(t, "exit code: "+out.String(), code, 0)
		parts := unpacked(t, file)
		for _, secret := range all {
			for part, text := range parts {
				if found := quotes(text, secret); found != "" && !slices.Contains(c.sees, secret) {
					t.Errorf("%s: %s has %s (%s)", name, part, secret, found)
				}
			}
		}
		for _, secret := range c.sees { // the control: nothing leads to it, so the log shows it
			testkit.Holds(t, "log", parts["log.txt"], secret)
		}
	}
}
