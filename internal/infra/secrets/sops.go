package secrets

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"filippo.io/age"
	"filippo.io/age/armor"
	"go.yaml.in/yaml/v3"
)

// metadata is what SOPS keeps in the key "sops" of a file.
type metadata struct {
	Age []struct {
		Recipient string `yaml:"recipient"`
		Enc       string `yaml:"enc"`
	} `yaml:"age"`
	LastModified      string `yaml:"lastmodified"`
	MAC               string `yaml:"mac"`
	MACOnlyEncrypted  bool   `yaml:"mac_only_encrypted"`
	UnencryptedSuffix string `yaml:"unencrypted_suffix"`
	EncryptedSuffix   string `yaml:"encrypted_suffix"`
	UnencryptedRegex  string `yaml:"unencrypted_regex"`
	EncryptedRegex    string `yaml:"encrypted_regex"`

	// What only sops itself deals with.
	KeyGroups               []yaml.Node `yaml:"key_groups"`
	PGP                     []yaml.Node `yaml:"pgp"`
	KMS                     []yaml.Node `yaml:"kms"`
	GCPKMS                  []yaml.Node `yaml:"gcp_kms"`
	HCKMS                   []yaml.Node `yaml:"hckms"`
	AzureKV                 []yaml.Node `yaml:"azure_kv"`
	Vault                   []yaml.Node `yaml:"hc_vault"`
	UnencryptedCommentRegex string      `yaml:"unencrypted_comment_regex"`
	EncryptedCommentRegex   string      `yaml:"encrypted_comment_regex"`

	encrypts func(path []string) bool
}

// takeMetadata removes the key "sops" from the document and reads it.
func takeMetadata(root *yaml.Node) (*metadata, error) {
	for i := 0; i < len(root.Content); i += 2 {
		if root.Content[i].Value != "sops" {
			continue
		}
		var m metadata
		if err := root.Content[i+1].Decode(&m); err != nil {
			return nil, errors.New("its SOPS metadata (the key \"sops\") cannot be read: a field has the wrong type")
		}
		root.Content = append(root.Content[:i:i], root.Content[i+2:]...)
		return &m, m.prepare()
	}
	return nil, errors.New("it is not encrypted: it has no SOPS metadata (the key \"sops\"); encrypt it with sops -e -i, and change the secrets that lay open")
}

// prepare checks what is needed later and chooses the rule for what is encrypted.
func (m *metadata) prepare() error {
	switch {
	case len(m.KeyGroups) > 0:
		return &unsupportedError{"its data key is split over key groups"}
	case m.UnencryptedCommentRegex != "" || m.EncryptedCommentRegex != "":
		return &unsupportedError{"what is encrypted depends on comments"}
	case m.MAC == "":
		return errors.New("it has no MAC (sops.mac), so it cannot be checked whether it was changed")
	}
	modified, err := time.Parse(time.RFC3339, m.LastModified)
	if err != nil {
		return errors.New("sops.lastmodified is not a time, so the MAC cannot be checked")
	}
	m.LastModified = modified.Format(time.RFC3339)

	rules := 0
	for _, r := range []string{m.UnencryptedSuffix, m.EncryptedSuffix, m.UnencryptedRegex, m.EncryptedRegex} {
		if r != "" {
			rules++
		}
	}
	if rules > 1 {
		return errors.New("more than one of sops.unencrypted_suffix, encrypted_suffix, unencrypted_regex, encrypted_regex is set")
	}
	m.encrypts, err = m.rule()
	return err
}

// rule says which values are encrypted: by default all but keys with a suffix, and what is
// below them.
func (m *metadata) rule() (func([]string) bool, error) {
	expr, want := m.UnencryptedRegex, false
	if m.EncryptedRegex != "" {
		expr, want = m.EncryptedRegex, true
	}
	match := func(string) bool { return false }
	switch {
	case expr != "":
		re, err := regexp.Compile(expr)
		if err != nil {
			return nil, fmt.Errorf("the regular expression of its SOPS metadata: %w", err)
		}
		match = re.MatchString
	case m.EncryptedSuffix != "":
		want = true
		match = func(key string) bool { return strings.HasSuffix(key, m.EncryptedSuffix) }
	default:
		suffix := cmp.Or(m.UnencryptedSuffix, "_unencrypted")
		match = func(key string) bool { return strings.HasSuffix(key, suffix) }
	}
	return func(path []string) bool {
		return slices.ContainsFunc(path, match) == want
	}, nil
}

// dataKey decrypts the key that the values are encrypted with.
func (m *metadata) dataKey(ctx context.Context, o Options) ([]byte, error) {
	foreign := len(m.PGP) + len(m.KMS) + len(m.GCPKMS) + len(m.HCKMS) + len(m.AzureKV) + len(m.Vault)
	if len(m.Age) == 0 {
		if foreign > 0 {
			return nil, &unsupportedError{"it is encrypted for keys that are not age keys"}
		}
		return nil, errors.New("its SOPS metadata names no key that it was encrypted for")
	}
	ring, err := collectKeys(ctx, o)
	if err != nil {
		return nil, err
	}
	for _, entry := range m.Age {
		key, err := openKey(entry.Enc, ring.identities)
		if err == nil && len(key) == keyLength {
			return key, nil
		}
		var none *age.NoIdentityMatchError
		if err != nil && !errors.As(err, &none) && len(ring.identities) > 0 {
			ring.notes = append(ring.notes, fmt.Sprintf("the data key for %s: %v", entry.Recipient, err))
		}
	}
	failed := m.noKey(ring)
	if foreign > 0 || ring.plugins {
		return nil, &unsupportedError{failed.Error()}
	}
	return nil, failed
}

func (m *metadata) noKey(ring keyring) error {
	var recipients []string
	for _, entry := range m.Age {
		recipients = append(recipients, entry.Recipient)
	}
	text := fmt.Sprintf("none of the %d keys found is for %s (searched: %s", len(ring.identities), strings.Join(recipients, ", "), strings.Join(ring.searched, ", "))
	if len(ring.notes) > 0 {
		text += "; " + strings.Join(ring.notes, "; ")
	}
	return errors.New(text + "); set SOPS_AGE_KEY_FILE to the file with the private key")
}

func openKey(armored string, identities []age.Identity) ([]byte, error) {
	if len(identities) == 0 {
		return nil, errors.New("no key")
	}
	r, err := age.Decrypt(armor.NewReader(strings.NewReader(armored)), identities...)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(io.LimitReader(r, keyLength+1))
}

// open decrypts the document in place and checks its MAC.
func (m *metadata) open(root *yaml.Node, key []byte) error {
	w := decrypter{meta: m, key: key, mac: sha512.New()}
	if m.MACOnlyEncrypted {
		start := sha256.Sum256([]byte("sops"))
		w.mac.Write(start[:])
	}
	if err := w.tree(root, nil); err != nil {
		return err
	}
	want, _, err := unseal(m.MAC, key, m.LastModified)
	if err != nil {
		return fmt.Errorf("its MAC (sops.mac) %w", err)
	}
	have := strings.ToUpper(hex.EncodeToString(w.mac.Sum(nil)))
	if !hmac.Equal([]byte(have), []byte(want)) {
		return errors.New("its MAC does not fit: a value was added, removed or changed without sops; take the file from version control or edit it with sops")
	}
	return nil
}

// decrypter goes through the values in the order of the file.
type decrypter struct {
	meta *metadata
	key  []byte
	mac  hash.Hash
}

func (w *decrypter) tree(n *yaml.Node, path []string) error {
	switch n.Kind {
	case yaml.MappingNode:
		for i := 0; i < len(n.Content); i += 2 {
			if err := w.tree(n.Content[i+1], append(path[:len(path):len(path)], n.Content[i].Value)); err != nil {
				return err
			}
		}
	case yaml.SequenceNode:
		// An element of a list has the path of the list.
		kept := n.Content[:0]
		for _, c := range n.Content {
			if err := w.tree(c, path); err != nil {
				return err
			}
			if c.Kind != 0 {
				kept = append(kept, c)
			}
		}
		n.Content = kept
	case yaml.ScalarNode:
		return w.leaf(n, path)
	default: // no values: the document is entered at its root, aliases are refused before
	}
	return nil
}

func (w *decrypter) leaf(n *yaml.Node, path []string) error {
	tag := n.ShortTag()
	if tag == "!!null" {
		return nil // SOPS neither encrypts nor counts it
	}
	if !w.meta.encrypts(path) {
		if !w.meta.MACOnlyEncrypted {
			w.mac.Write([]byte(plainValue(n, tag)))
		}
		return nil
	}
	if tag == "!!str" && n.Value == "" {
		return nil // SOPS leaves the empty string as it is
	}
	clear, kind, err := unseal(n.Value, w.key, strings.Join(path, ":")+":")
	if err != nil {
		return fmt.Errorf("%s %w", strings.Join(path, "."), err)
	}
	if kind == "comment" {
		*n = yaml.Node{} // a comment inside a list takes the place of an element
		return nil
	}
	tag, text, counted, err := typed(clear, kind)
	if err != nil {
		return fmt.Errorf("%s %w", strings.Join(path, "."), err)
	}
	w.mac.Write([]byte(counted))
	n.Tag, n.Value, n.Style = tag, text, 0
	if tag == "!!str" && strings.Contains(text, "\n") {
		n.Style = yaml.LiteralStyle
	}
	return nil
}

// plainValue is how SOPS counts a value that is not encrypted.
func plainValue(n *yaml.Node, tag string) string {
	switch tag {
	case "!!bool":
		var b bool
		if n.Decode(&b) == nil {
			return titled(b)
		}
	case "!!float", "!!int":
		if _, err := strconv.ParseInt(n.Value, 10, 64); err == nil {
			return n.Value
		}
		var f float64
		if n.Decode(&f) == nil {
			return strconv.FormatFloat(f, 'f', -1, 64)
		}
	case "!!timestamp":
		var at time.Time
		if n.Decode(&at) == nil {
			return at.Format(time.RFC3339Nano)
		}
	}
	return n.Value
}
