package main

import (
	"bytes"
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"aead.dev/minisign"
	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/ProtonMail/go-crypto/openpgp/clearsign"
	"github.com/ProtonMail/go-crypto/openpgp/packet"

	"syslog-gateway/internal/testkit"
)

const password = "correct horse"

// newKeys makes keys as gpg and minisign do, the first locked, and returns the variables that
// name their files.
func newKeys(t *testing.T) (env []string) {
	t.Helper()
	dir := t.TempDir()
	file := func(name, content string) string {
		path := filepath.Join(dir, name)
		testkit.Must(t, os.WriteFile(path, []byte(content), 0o600))
		return path
	}
	config := &packet.Config{Algorithm: packet.PubKeyAlgoEdDSA, Time: func() time.Time { return at.Add(-time.Hour) }}
	entity := testkit.Try(openpgp.NewEntity("Release", "", "release@syslog-gateway.example", config))(t)
	testkit.Must(t, entity.EncryptPrivateKeys([]byte(password), config))
	var text bytes.Buffer
	w := testkit.Try(armor.Encode(&text, openpgp.PrivateKeyType, nil))(t)
	testkit.Must(t, errors.Join(entity.SerializePrivateWithoutSigning(w, nil), w.Close()))
	_, key, err := minisign.GenerateKey(rand.Reader)
	testkit.Must(t, err)
	plain := testkit.Try(key.MarshalText())(t)
	return []string{
		openPGPKey + "_FILE=" + file("openpgp.asc", text.String()),
		openPGPPassword + "_FILE=" + file("password", password+"\n"),
		minisignKey + "=" + string(plain),
	}
}

// getenv is os.Getenv of a list.
func getenv(env []string) func(string) string {
	return func(name string) string {
		for _, e := range env {
			if value, ok := strings.CutPrefix(e, name+"="); ok {
				return value
			}
		}
		return ""
	}
}

// signatures checks every signature of a release, and that each sees a changed byte.
func signatures(t *testing.T, dir string) {
	public := testkit.Try(minisign.PublicKeyFromFile(filepath.Join(dir, publicKeyName)))(t)
	files := testkit.Try(filepath.Glob(filepath.Join(dir, "*.minisig")))(t)
	if len(files) != 1+7+3 { // SHA256SUMS, archives, images
		t.Errorf("%d signatures: %q", len(files), files)
	}
	for _, file := range files {
		content := testkit.Try(os.ReadFile(strings.TrimSuffix(file, ".minisig")))(t)
		signature := testkit.Try(os.ReadFile(file))(t)
		testkit.Holds(t, "the trusted comment", string(signature), "file:"+strings.TrimSuffix(filepath.Base(file), ".minisig"))
		testkit.Equal(t, file+" is good", minisign.Verify(public, content, signature), true)
		content[len(content)/2] ^= 1
		testkit.Equal(t, file+" is good for another file", minisign.Verify(public, content, signature), false)
	}
	ring := testkit.Try(openpgp.ReadArmoredKeyRing(testkit.Try(os.Open(filepath.Join(dir, aptFolder, keyringName)))(t)))(t)
	testkit.Equal(t, "the certificate has the secret key", ring[0].PrivateKey != nil, false)
	block, _ := clearsign.Decode(testkit.Try(os.ReadFile(filepath.Join(dir, aptFolder, "dists/stable/InRelease")))(t))
	testkit.Try(block.VerifySignature(ring, nil))(t)
	release := testkit.Try(os.ReadFile(filepath.Join(dir, aptFolder, "dists/stable/Release")))(t)
	testkit.Equal(t, "what is signed", string(block.Plaintext), string(release))
}

// TestKeys: what cannot be used is refused with the name of the variable, and no error has a
// secret.
func TestKeys(t *testing.T) {
	env := newKeys(t)
	k := testkit.Try(readKeys(getenv(env)))(t)
	testkit.Equal(t, "missing", k.missing(), "")
	locked := testkit.Try(minisign.EncryptKey(password, *k.minisign))(t)
	other := testkit.Try(readKeys(getenv([]string{minisignKey + "=" + string(locked), minisignPassword + "=" + password})))(t)
	testkit.Equal(t, "the locked key is the same", other.minisign.Equal(*k.minisign), true)
	testkit.Holds(t, "what is missing", other.missing(), openPGPKey, "docs/releasing.md")
	testkit.Equal(t, "lines", strings.Count(other.missing(), "\n"), 0)
	for _, c := range []struct {
		env  []string
		want string
	}{
		{[]string{openPGPKey + "=nothing"}, openPGPKey + ": it is no armored OpenPGP key"},
		{env[:1], openPGPPassword + " does not open it"},
		{[]string{openPGPKey + "_FILE=/nowhere"}, openPGPKey + "_FILE: open /nowhere"},
		{[]string{minisignKey + "=nothing"}, minisignKey + ": it is no secret key"},
		{[]string{minisignKey + "=" + string(locked), minisignPassword + "=wrong"}, minisignPassword + " does not open it"},
	} {
		_, err := readKeys(getenv(c.env))
		testkit.Fails(t, err, c.want)
	}
}

// TestStartedProgramsGetNoKeys: go, nfpm and the program that is packed have no need of them.
func TestStartedProgramsGetNoKeys(t *testing.T) {
	for _, v := range newKeys(t) {
		name, value, _ := strings.Cut(v, "=")
		t.Setenv(name, value)
	}
	k := testkit.Try(takeKeys())(t)
	testkit.Equal(t, "missing", k.missing(), "")
	for _, v := range os.Environ() {
		testkit.Lacks(t, "the environment", v, "RELEASE_")
	}
}

// TestWithoutKeys: a release without keys is whole, unsigned, and says so in one line.
func TestWithoutKeys(t *testing.T) {
	dir, said := made(t, nil, "--package", "provision", "--format", "deb,apt")
	testkit.Equal(t, "lines about signatures", strings.Count(said, "unsigned"), 1)
	for _, name := range []string{sumsName, "apt/dists/stable/Release"} {
		_, err := os.Stat(filepath.Join(dir, name))
		testkit.Must(t, err)
	}
	for _, name := range []string{"apt/dists/stable/InRelease", "apt/" + keyringName, publicKeyName, sumsName + ".minisig"} {
		_, err := os.Stat(filepath.Join(dir, name))
		testkit.Equal(t, name+" is missing", errors.Is(err, os.ErrNotExist), true)
	}
}
