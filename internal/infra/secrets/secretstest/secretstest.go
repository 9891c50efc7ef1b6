// Package secretstest encrypts files as SOPS does for age keys, for tests of what
// reads them. It shares no code with the reader.
package secretstest

import (
	"bytes"
	"cmp"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"filippo.io/age"
	"filippo.io/age/armor"
	"go.yaml.in/yaml/v3"
)

// lastModified is bound into the MAC.
const lastModified = "2026-05-16T10:00:00Z"

// File is what is to be encrypted, and how. At most one of the rules is set.
type File struct {
	Clear      string // JSON or YAML, an object
	YAML       bool   // write YAML
	Recipients []age.Recipient

	UnencryptedSuffix, EncryptedSuffix string
	UnencryptedRegex, EncryptedRegex   string
	MACOnlyEncrypted                   bool
	More                               map[string]any // added to the metadata
}

// sealer holds what is needed to encrypt one document.
type sealer struct {
	file File
	key  []byte
	mac  hash.Hash
}

// Encrypt returns the encrypted document.
func (f File) Encrypt() ([]byte, error) {
	var doc yaml.Node
	if err := yaml.Unmarshal([]byte(f.Clear), &doc); err != nil {
		return nil, err
	}
	if len(doc.Content) != 1 || doc.Content[0].Kind != yaml.MappingNode {
		return nil, errors.New("the clear text is not an object")
	}
	root := doc.Content[0]
	s := sealer{file: f, key: make([]byte, 32), mac: sha512.New()}
	if _, err := rand.Read(s.key); err != nil {
		return nil, err
	}
	if f.MACOnlyEncrypted {
		start := sha256.Sum256([]byte("sops"))
		s.mac.Write(start[:])
	}
	if err := s.tree(root, nil); err != nil {
		return nil, err
	}
	meta, err := s.metadata()
	if err != nil {
		return nil, err
	}
	var node yaml.Node
	if err := node.Encode(meta); err != nil {
		return nil, err
	}
	root.Content = append(root.Content, &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: "sops"}, &node)
	if f.YAML {
		return yaml.Marshal(root)
	}
	var b bytes.Buffer
	if err := ordered(&b, root); err != nil {
		return nil, err
	}
	var pretty bytes.Buffer
	err = json.Indent(&pretty, b.Bytes(), "", "\t")
	return pretty.Bytes(), err
}

func (s *sealer) metadata() (map[string]any, error) {
	var keys []map[string]any
	for _, r := range s.file.Recipients {
		var b bytes.Buffer
		out := armor.NewWriter(&b)
		w, err := age.Encrypt(out, r)
		if err != nil {
			return nil, err
		}
		if _, err := w.Write(s.key); err != nil {
			return nil, err
		}
		if err := errors.Join(w.Close(), out.Close()); err != nil {
			return nil, err
		}
		keys = append(keys, map[string]any{"recipient": fmt.Sprint(r), "enc": b.String()})
	}
	mac, err := s.seal(fmt.Sprintf("%X", s.mac.Sum(nil)), "str", lastModified)
	if err != nil {
		return nil, err
	}
	meta := map[string]any{"age": keys, "lastmodified": lastModified, "mac": mac, "version": "3.12.1"}
	for name, rule := range map[string]string{
		"unencrypted_suffix": s.file.UnencryptedSuffix, "encrypted_suffix": s.file.EncryptedSuffix,
		"unencrypted_regex": s.file.UnencryptedRegex, "encrypted_regex": s.file.EncryptedRegex,
	} {
		if rule != "" {
			meta[name] = rule
		}
	}
	if s.file.MACOnlyEncrypted {
		meta["mac_only_encrypted"] = true
	}
	maps.Copy(meta, s.file.More)
	return meta, nil
}

func (s *sealer) tree(n *yaml.Node, path []string) error {
	switch n.Kind {
	case yaml.MappingNode:
		for i := 0; i < len(n.Content); i += 2 {
			if err := s.tree(n.Content[i+1], append(path[:len(path):len(path)], n.Content[i].Value)); err != nil {
				return err
			}
		}
	case yaml.SequenceNode:
		for _, c := range n.Content {
			if err := s.tree(c, path); err != nil {
				return err
			}
		}
	default:
		return s.scalar(n, path)
	}
	return nil
}

func (s *sealer) scalar(n *yaml.Node, path []string) error {
	kind, text := strings.TrimPrefix(n.ShortTag(), "!!"), n.Value
	switch kind {
	case "null":
		return nil
	case "!comment": // SOPS encrypts comments inside lists as elements, and does not count them
		sealed, err := s.seal(text, "comment", strings.Join(path, ":")+":")
		n.Tag, n.Value, n.Style = "!!str", sealed, 0
		return err
	case "bool":
		b, err := strconv.ParseBool(text)
		if err != nil {
			return err
		}
		text = map[bool]string{true: "True", false: "False"}[b]
	case "float":
		f, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return err
		}
		text = strconv.FormatFloat(f, 'f', -1, 64)
	}
	hidden := s.hidden(path)
	if hidden || !s.file.MACOnlyEncrypted {
		s.mac.Write([]byte(text))
	}
	if !hidden || text == "" {
		return nil
	}
	sealed, err := s.seal(text, kind, strings.Join(path, ":")+":")
	n.Tag, n.Value, n.Style = "!!str", sealed, 0
	return err
}

// hidden reports whether the rule has the value encrypted.
func (s *sealer) hidden(path []string) bool {
	some := func(expr string) bool { return slices.ContainsFunc(path, regexp.MustCompile(expr).MatchString) }
	suffix := func(text string) string { return regexp.QuoteMeta(text) + "$" }
	switch f := s.file; {
	case f.EncryptedSuffix != "":
		return some(suffix(f.EncryptedSuffix))
	case f.EncryptedRegex != "":
		return some(f.EncryptedRegex)
	case f.UnencryptedRegex != "":
		return !some(f.UnencryptedRegex)
	default:
		return !some(suffix(cmp.Or(f.UnencryptedSuffix, "_unencrypted")))
	}
}

func (s *sealer) seal(text, kind, bound string) (string, error) {
	block, err := aes.NewCipher(s.key)
	if err != nil {
		return "", err
	}
	nonce := make([]byte, 32)
	if _, err := rand.Read(nonce); err != nil {
		return "", err
	}
	gcm, err := cipher.NewGCMWithNonceSize(block, len(nonce))
	if err != nil {
		return "", err
	}
	out := gcm.Seal(nil, nonce, []byte(text), []byte(bound))
	cut := len(out) - gcm.Overhead()
	b64 := base64.StdEncoding.EncodeToString
	return fmt.Sprintf("ENC[AES256_GCM,data:%s,iv:%s,tag:%s,type:%s]", b64(out[:cut]), b64(nonce), b64(out[cut:]), kind), nil
}

// ordered writes JSON with the keys in the order of the document.
func ordered(b *bytes.Buffer, n *yaml.Node) error {
	start, end := "{", "}"
	step := 2
	switch n.Kind {
	case yaml.ScalarNode:
		var v any
		if err := n.Decode(&v); err != nil {
			return err
		}
		text, err := json.Marshal(v)
		b.Write(text)
		return err
	case yaml.SequenceNode:
		start, end, step = "[", "]", 1
	default: // a mapping
	}
	b.WriteString(start)
	for i := 0; i < len(n.Content); i += step {
		if i > 0 {
			b.WriteByte(',')
		}
		if step == 2 {
			fmt.Fprintf(b, "%q:", n.Content[i].Value)
		}
		if err := ordered(b, n.Content[i+step-1]); err != nil {
			return err
		}
	}
	b.WriteString(end)
	return nil
}
