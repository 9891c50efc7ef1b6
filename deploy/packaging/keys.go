package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"aead.dev/minisign"
	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/ProtonMail/go-crypto/openpgp/clearsign"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
)

// The variables that have the keys, and with _FILE behind their names those that name a file.
const (
	openPGPKey       = "RELEASE_OPENPGP_KEY"
	openPGPPassword  = "RELEASE_OPENPGP_PASSWORD"
	minisignKey      = "RELEASE_MINISIGN_KEY"
	minisignPassword = "RELEASE_MINISIGN_PASSWORD"
)

// keys sign a release. One that is nil signs nothing.
type keys struct {
	openPGP  *openpgp.Entity
	minisign *minisign.PrivateKey
}

func keyVariables() []string {
	return []string{openPGPKey, openPGPPassword, minisignKey, minisignPassword}
}

// takeKeys reads the keys, and takes their variables out of the environment: programs that are
// started do not get them.
func takeKeys() (keys, error) {
	k, err := readKeys(os.Getenv)
	for _, name := range keyVariables() {
		err = errors.Join(err, os.Unsetenv(name), os.Unsetenv(name+"_FILE"))
	}
	return k, err
}

// readKeys reads the keys of an environment.
func readKeys(getenv func(string) string) (k keys, err error) {
	values := make(map[string]string)
	for _, name := range keyVariables() {
		if values[name] = getenv(name); values[name] != "" {
			continue
		}
		if file := getenv(name + "_FILE"); file != "" {
			content, err := os.ReadFile(file)
			if err != nil {
				return k, fmt.Errorf("%s_FILE: %w", name, err)
			}
			values[name] = strings.TrimRight(string(content), "\r\n")
		}
	}
	if text := values[openPGPKey]; text != "" {
		if k.openPGP, err = readOpenPGP(text, values[openPGPPassword]); err != nil {
			return k, fmt.Errorf("%s: %w", openPGPKey, err)
		}
	}
	if text := values[minisignKey]; text != "" {
		if k.minisign, err = readMinisign(text, values[minisignPassword]); err != nil {
			return k, fmt.Errorf("%s: %w", minisignKey, err)
		}
	}
	return k, nil
}

// readOpenPGP reads what `gpg --armor --export-secret-keys` writes.
func readOpenPGP(text, password string) (*openpgp.Entity, error) {
	ring, err := openpgp.ReadArmoredKeyRing(strings.NewReader(text))
	if err != nil {
		return nil, fmt.Errorf("it is no armored OpenPGP key: %w", err)
	}
	if len(ring) != 1 || ring[0].PrivateKey == nil {
		return nil, errors.New("one secret key is needed: export it with gpg --armor --export-secret-keys")
	}
	if ring[0].PrivateKey.Encrypted {
		if err := ring[0].DecryptPrivateKeys([]byte(password)); err != nil {
			return nil, fmt.Errorf("%s does not open it: %w", openPGPPassword, err)
		}
	}
	return ring[0], nil
}

// readMinisign reads what `minisign -G` writes.
func readMinisign(text, password string) (*minisign.PrivateKey, error) {
	var key minisign.PrivateKey
	var err error
	if minisign.IsEncrypted([]byte(text)) {
		if key, err = minisign.DecryptKey(password, []byte(text)); err != nil {
			return nil, fmt.Errorf("%s does not open it: %w", minisignPassword, err)
		}
		return &key, nil
	}
	if err := key.UnmarshalText([]byte(text)); err != nil {
		return nil, fmt.Errorf("it is no secret key of minisign: %w", err)
	}
	return &key, nil
}

// missing says in one line what stays unsigned; it is empty if nothing does.
func (k keys) missing() string {
	var names []string
	if k.openPGP == nil {
		names = append(names, openPGPKey+" (the apt folder)")
	}
	if k.minisign == nil {
		names = append(names, minisignKey+" (archives, images, SHA256SUMS)")
	}
	if names == nil {
		return ""
	}
	return "unsigned: there is no " + strings.Join(names, ", no ") + "; docs/releasing.md says how to set them"
}

// clearsigned is a text with its OpenPGP signature around it (RFC 9580, section 7), the same
// for the same text, key and time.
func (k keys) clearsigned(text []byte, at time.Time) ([]byte, error) {
	deterministic := false
	config := &packet.Config{Time: func() time.Time { return at }, NonDeterministicSignaturesViaNotation: &deterministic}
	// A key may be younger than the commit; a signature must not be older than its key.
	if created := k.openPGP.PrimaryKey.CreationTime; created.After(at) {
		config.Time = func() time.Time { return created }
	}
	key, ok := k.openPGP.SigningKey(config.Now())
	if !ok {
		return nil, fmt.Errorf("%s has no key that may sign on %s", openPGPKey, config.Now().Format(time.DateOnly))
	}
	var b bytes.Buffer
	w, err := clearsign.Encode(&b, key.PrivateKey, config)
	if err != nil {
		return nil, err
	}
	_, err = w.Write(text)
	if err = errors.Join(err, w.Close()); err != nil {
		return nil, err
	}
	b.WriteByte('\n')
	return b.Bytes(), nil
}

// certificate is the public key, armored, as apt reads it.
func (k keys) certificate() ([]byte, error) {
	var b bytes.Buffer
	w, err := armor.Encode(&b, openpgp.PublicKeyType, nil)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(k.openPGP.Serialize(w), w.Close()); err != nil {
		return nil, err
	}
	b.WriteByte('\n')
	return b.Bytes(), nil
}

// signFile writes FILE.minisig and returns its name.
func (k keys) signFile(file string, at time.Time) (string, error) {
	in, err := os.Open(file)
	if err != nil {
		return "", err
	}
	defer in.Close()
	r := minisign.NewReader(in)
	if _, err := io.Copy(io.Discard, r); err != nil {
		return "", err
	}
	trusted := fmt.Sprintf("timestamp:%d\tfile:%s\thashed", at.Unix(), filepath.Base(file))
	untrusted := fmt.Sprintf("signature from minisign secret key %X", k.minisign.ID())
	return file + ".minisig", os.WriteFile(file+".minisig", r.SignWithComments(*k.minisign, trusted, untrusted), 0o644)
}

// publicKey is the content of minisign.pub.
func (k keys) publicKey() ([]byte, error) {
	public, ok := k.minisign.Public().(minisign.PublicKey)
	if !ok {
		return nil, errors.New("minisign: no public key")
	}
	text, err := public.MarshalText()
	return append(text, '\n'), err
}
