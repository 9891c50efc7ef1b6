package secrets_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"encoding/pem"
	"path/filepath"
	"strings"
	"testing"

	"filippo.io/age"
	"filippo.io/age/agessh"
	"golang.org/x/crypto/ssh"

	"syslog-gateway/internal/infra/secrets"
	"syslog-gateway/internal/infra/secrets/secretstest"
	"syslog-gateway/internal/testkit"
)

func TestEveryPlaceOfAgeKeys(t *testing.T) {
	key, other := newKey(t), newKey(t)
	data := encrypt(t, secretstest.File{Clear: `{"a": "alpha"}`, Recipients: []age.Recipient{key.Recipient()}})
	home := t.TempDir()
	lines := "# created: today\n# public key: " + key.Recipient().String() + "\n" + other.String() + "\n" + key.String() + "\n"
	file := write(t, filepath.Join(home, "key.txt"), lines, 0o600)
	write(t, filepath.Join(home, "h", ".config", "sops", "age", "keys.txt"), lines, 0o600)
	write(t, filepath.Join(home, "xdg", "sops", "age", "keys.txt"), lines, 0o600)
	for name, o := range map[string]secrets.Options{
		"SOPS_AGE_KEY":      {Env: variables("SOPS_AGE_KEY", key.String())},
		"SOPS_AGE_KEY_FILE": {Env: variables("SOPS_AGE_KEY_FILE", file)},
		"SOPS_AGE_KEY_CMD":  {Env: variables("SOPS_AGE_KEY_CMD", "cat '"+file+"'")},
		"home":              {Home: filepath.Join(home, "h")},
		"XDG_CONFIG_HOME":   {Env: variables("XDG_CONFIG_HOME", filepath.Join(home, "xdg")), Home: "/nonexistent"},
		"several":           {Env: variables("SOPS_AGE_KEY", other.String(), "SOPS_AGE_KEY_FILE", file)},
	} {
		t.Run(name, func(t *testing.T) {
			got := testkit.Try(secrets.Decrypt(t.Context(), data, secrets.JSON, o))(t)
			sameJSON(t, got, `{"a": "alpha"}`)
		})
	}
	bad := write(t, filepath.Join(home, "bad.txt"), "AGE-SECRET-KEY-1WRONG\n", 0o600)
	for name, c := range map[string]struct {
		o    secrets.Options
		want string
	}{
		"none at all":    {secrets.Options{}, "none of the 0 keys found is for " + key.Recipient().String()},
		"other one":      {secrets.Options{Env: variables("SOPS_AGE_KEY", other.String())}, "none of the 1 keys found"},
		"file missing":   {secrets.Options{Env: variables("SOPS_AGE_KEY_FILE", "/nonexistent/k")}, "SOPS_AGE_KEY_FILE"},
		"not a key":      {secrets.Options{Env: variables("SOPS_AGE_KEY_FILE", bad)}, "line 1 is not an age private key"},
		"command fails":  {secrets.Options{Env: variables("SOPS_AGE_KEY_CMD", "echo "+key.String()+" >&2; exit 3")}, "exit status 3"},
		"plugin key":     {secrets.Options{Env: variables("SOPS_AGE_KEY", "AGE-PLUGIN-YUBIKEY-1AAAA")}, "age plugin"},
		"SSH missing":    {secrets.Options{Env: variables("SOPS_AGE_SSH_PRIVATE_KEY_FILE", "/nonexistent/k")}, "SOPS_AGE_SSH_PRIVATE_KEY_FILE"},
		"SSH not a key":  {secrets.Options{Env: variables("SOPS_AGE_SSH_PRIVATE_KEY_FILE", bad)}, "not an SSH private key"},
		"SSH cmd fails":  {secrets.Options{Env: variables("SOPS_AGE_SSH_PRIVATE_KEY_CMD", "exit 4")}, "exit status 4"},
		"SSH cmd prints": {secrets.Options{Env: variables("SOPS_AGE_SSH_PRIVATE_KEY_CMD", "echo x")}, "not an SSH private key"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := secrets.Decrypt(t.Context(), data, secrets.JSON, c.o)
			testkit.Fails(t, err, c.want)
			testkit.Lacks(t, "the error", err.Error(), "AGE-SECRET-KEY-1")
		})
	}
}

func TestSSHKeys(t *testing.T) {
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	testkit.Must(t, err)
	rs := testkit.Try(rsa.GenerateKey(rand.Reader, 2048))(t)
	for name, private := range map[string]any{"id_ed25519": ed, "id_rsa": rs} {
		t.Run(name, func(t *testing.T) {
			block := testkit.Try(ssh.MarshalPrivateKey(private, "test"))(t)
			locked := testkit.Try(ssh.MarshalPrivateKeyWithPassphrase(private, "test", []byte("word")))(t)
			signer := testkit.Try(ssh.NewSignerFromKey(private))(t)
			recipient := testkit.Try(agessh.ParseRecipient(string(ssh.MarshalAuthorizedKey(signer.PublicKey()))))(t)
			data := encrypt(t, secretstest.File{Clear: `{"a": "alpha"}`, Recipients: []age.Recipient{recipient}})
			home := t.TempDir()
			file := write(t, filepath.Join(home, ".ssh", name), string(pem.EncodeToMemory(block)), 0o600)
			for _, o := range []secrets.Options{
				{Home: home},
				{Env: variables("SOPS_AGE_SSH_PRIVATE_KEY_FILE", file)},
				{Env: variables("SOPS_AGE_SSH_PRIVATE_KEY_CMD", "cat '"+file+"'")},
			} {
				testkit.Try(secrets.Decrypt(t.Context(), data, secrets.JSON, o))(t)
			}
			write(t, file, string(pem.EncodeToMemory(locked)), 0o600)
			for _, o := range []secrets.Options{{Home: home}, {Env: variables("SOPS_AGE_SSH_PRIVATE_KEY_FILE", file)}} {
				testkit.Fails(t, testkit.Err(secrets.Decrypt(t.Context(), data, secrets.JSON, o)), "passphrase")
			}
		})
	}
}

// TestFallback has a program in the place of sops, and files that only that can read.
func TestFallback(t *testing.T) {
	key := newKey(t)
	dir := t.TempDir()
	program := write(t, filepath.Join(dir, "sops"), `#!/bin/sh
[ "$1 $2 $3 $4 $5" = "--decrypt --input-type json --output-type json" ] && [ -f "$6" ] || exit 9
echo '{"from": "sops"}'
`, 0o700)
	refusing := write(t, filepath.Join(dir, "refusing"), "#!/bin/sh\necho 'no key could decrypt' >&2\nexit 128\n", 0o700)
	silent := write(t, filepath.Join(dir, "silent"), "#!/bin/sh\nexit 0\n", 0o700)
	env := variables("SOPS_AGE_KEY", key.String())
	pgp := []any{map[string]any{"fp": "ABCD", "enc": "x"}}
	for name, f := range map[string]secretstest.File{
		"PGP":        {More: map[string]any{"age": nil, "pgp": pgp}},
		"PGP or age": {Recipients: []age.Recipient{newKey(t).Recipient()}, More: map[string]any{"pgp": pgp}},
		"key groups": {Recipients: []age.Recipient{key.Recipient()}, More: map[string]any{"key_groups": []any{map[string]any{"age": nil}}}},
	} {
		t.Run(name, func(t *testing.T) {
			f.Clear = `{"a": "alpha"}`
			path := write(t, filepath.Join(t.TempDir(), "x.sops.json"), string(encrypt(t, f)), 0o600)
			got, err := secrets.Read(t.Context(), path, secrets.Options{Env: env, Program: program})
			if err != nil || strings.TrimSpace(string(got)) != `{"from": "sops"}` {
				t.Errorf("got %s, %v", got, err)
			}
			for bad, want := range map[string]string{
				filepath.Join(dir, "none"): "install sops",
				refusing:                   "no key could decrypt",
				silent:                     "printed nothing",
			} {
				testkit.Fails(t, testkit.Err(secrets.Read(t.Context(), path, secrets.Options{Env: env, Program: bad})), want)
			}
		})
	}
	// What is broken is not handed on: sops would say the same.
	path := write(t, filepath.Join(t.TempDir(), "x.sops.json"), `{"a": "clear"}`, 0o600)
	if got, err := secrets.Read(t.Context(), path, secrets.Options{Env: env, Program: program}); err == nil {
		t.Errorf("a file in clear gives %s", got)
	}
}
