package secrets_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"filippo.io/age"

	"syslog-gateway/internal/infra/secrets"
	"syslog-gateway/internal/infra/secrets/secretstest"
	"syslog-gateway/internal/testkit"
)

const clearJSON = `{
	"domain": "example.com", "network_prefix": "10.1.2", "count": 7, "negative": -3, "ratio": 2.5,
	"on": true, "off": false, "nothing": null, "empty": "", "text": "a \"quoted\"\nline ü <&>",
	"list": ["x", "y", {"deep": "z"}], "plain_unencrypted": {"a": 1, "b": [true, "open"]}
}`

func newKey(t testing.TB) *age.X25519Identity {
	t.Helper()
	return testkit.Try(age.GenerateX25519Identity())(t)
}

func encrypt(t testing.TB, f secretstest.File) []byte {
	t.Helper()
	return testkit.Try(f.Encrypt())(t)
}

// variables is an environment.
func variables(pairs ...string) func(string) string {
	return func(name string) string {
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i] == name {
				return pairs[i+1]
			}
		}
		return ""
	}
}

func write(t testing.TB, path, text string, mode fs.FileMode) string {
	t.Helper()
	testkit.Must(t, os.MkdirAll(filepath.Dir(path), 0o700))
	testkit.Must(t, os.WriteFile(path, []byte(text), mode))
	return path
}

// sameJSON compares two documents by their values.
func sameJSON(t *testing.T, got []byte, want string) {
	t.Helper()
	var g, w any
	if err := json.Unmarshal(got, &g); err != nil {
		t.Fatalf("%v: %s", err, got)
	}
	testkit.Must(t, json.Unmarshal([]byte(want), &w))
	if fmt.Sprint(g) != fmt.Sprint(w) {
		t.Errorf("got %v, want %v", g, w)
	}
}

func TestWhatIsEncryptedByEveryRule(t *testing.T) {
	key := newKey(t)
	o := secrets.Options{Env: variables("SOPS_AGE_KEY", key.String())}
	for name, f := range map[string]secretstest.File{
		"default":              {},
		"unencrypted_suffix":   {UnencryptedSuffix: "_unencrypted"},
		"encrypted_suffix":     {EncryptedSuffix: "in"},
		"unencrypted_regex":    {UnencryptedRegex: "^(list|count)$"},
		"encrypted_regex":      {EncryptedRegex: "^(domain|deep)$"},
		"mac_only_encrypted":   {MACOnlyEncrypted: true},
		"encrypted_and_sealed": {EncryptedRegex: "^list$", MACOnlyEncrypted: true},
	} {
		t.Run(name, func(t *testing.T) {
			f.Clear, f.Recipients = clearJSON, []age.Recipient{newKey(t).Recipient(), key.Recipient()}
			data := encrypt(t, f)
			testkit.Holds(t, "the file", string(data), "ENC[AES256_GCM")
			got := testkit.Try(secrets.Decrypt(t.Context(), data, secrets.JSON, o))(t)
			sameJSON(t, got, clearJSON)
		})
	}
}

func TestYAML(t *testing.T) {
	key := newKey(t)
	const text = "# a comment\ndomain: example.com\ncount: 7\nratio: 2.5\nok: true\nnumber_like: \"0123\"\npem: |\n  one\n  two\nlist:\n  - !comment said in between\n  - a\n  - b: c\n"
	f := secretstest.File{Clear: text, YAML: true, Recipients: []age.Recipient{key.Recipient()}}
	data := encrypt(t, f)
	o := secrets.Options{Env: variables("SOPS_AGE_KEY", key.String())}
	got := testkit.Try(secrets.Decrypt(t.Context(), data, secrets.YAML, o))(t)
	const want = "domain: example.com\ncount: 7\nratio: 2.5\nok: true\nnumber_like: \"0123\"\npem: |\n    one\n    two\nlist:\n    - a\n    - b: c\n"
	if string(got) != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	testkit.Fails(t, testkit.Err(secrets.Decrypt(t.Context(), append(data, "---\nmore: x\n"...), secrets.YAML, o)), "several YAML documents")
}

// change edits an encrypted JSON document as somebody without sops would.
func change(t *testing.T, data []byte, edit func(map[string]any)) []byte {
	t.Helper()
	var doc map[string]any
	testkit.Must(t, json.Unmarshal(data, &doc))
	edit(doc)
	return testkit.Try(json.Marshal(doc))(t)
}

func TestWhatWasChangedIsRefused(t *testing.T) {
	key := newKey(t)
	o := secrets.Options{Env: variables("SOPS_AGE_KEY", key.String())}
	// Keys are in alphabetical order, as change writes them.
	const text = `{"a": "alpha", "b": "beta", "c_unencrypted": "open", "list": ["x", "y"]}`
	data := encrypt(t, secretstest.File{Clear: text, Recipients: []age.Recipient{key.Recipient()}})
	same := change(t, data, func(map[string]any) {})
	if _, err := secrets.Decrypt(t.Context(), same, secrets.JSON, o); err != nil {
		t.Fatalf("unchanged: %v", err)
	}
	meta := func(d map[string]any) map[string]any { return d["sops"].(map[string]any) }
	for name, c := range map[string]struct {
		edit func(map[string]any)
		want string
	}{
		"exchanged":        {func(d map[string]any) { d["a"], d["b"] = d["b"], d["a"] }, "a cannot be decrypted"},
		"half decrypted":   {func(d map[string]any) { d["a"] = "alpha" }, "a is not encrypted"},
		"number in clear":  {func(d map[string]any) { d["a"] = 5 }, "a is not encrypted"},
		"removed":          {func(d map[string]any) { delete(d, "b") }, "MAC does not fit"},
		"emptied":          {func(d map[string]any) { d["b"] = "" }, "MAC does not fit"},
		"open one changed": {func(d map[string]any) { d["c_unencrypted"] = "other" }, "MAC does not fit"},
		"open one added":   {func(d map[string]any) { d["d_unencrypted"] = "more" }, "MAC does not fit"},
		"list reordered": {func(d map[string]any) {
			l := d["list"].([]any)
			l[0], l[1] = l[1], l[0]
		}, "MAC does not fit"},
		"type changed": {func(d map[string]any) { d["a"] = strings.Replace(d["a"].(string), "type:str", "type:int", 1) }, "does not hold one"},
		"type unknown": {func(d map[string]any) { d["a"] = strings.Replace(d["a"].(string), "type:str", "type:time", 1) }, "only sops itself knows"},
		"damaged":      {func(d map[string]any) { d["a"] = strings.Replace(d["a"].(string), "data:", "data:!", 1) }, "cannot be decrypted"},
		"no MAC":       {func(d map[string]any) { delete(meta(d), "mac") }, "has no MAC"},
		"open MAC":     {func(d map[string]any) { meta(d)["mac"] = "ABCD" }, "MAC (sops.mac) is not encrypted"},
		"other time":   {func(d map[string]any) { meta(d)["lastmodified"] = "2026-05-16T10:00:01Z" }, "MAC (sops.mac) cannot be decrypted"},
		"no time":      {func(d map[string]any) { meta(d)["lastmodified"] = "" }, "lastmodified is not a time"},
		"no metadata":  {func(d map[string]any) { delete(d, "sops") }, "it is not encrypted"},
		"odd metadata": {func(d map[string]any) { d["sops"] = []any{1} }, "metadata"},
		"no recipient": {func(d map[string]any) { delete(meta(d), "age") }, "names no key"},
		"two rules": {func(d map[string]any) {
			meta(d)["encrypted_regex"], meta(d)["unencrypted_regex"] = "a", "b"
		}, "more than one of"},
		"bad rule":   {func(d map[string]any) { meta(d)["encrypted_regex"] = "(" }, "regular expression"},
		"key groups": {func(d map[string]any) { meta(d)["key_groups"] = []any{map[string]any{}} }, "key groups"},
		"by comment": {func(d map[string]any) { meta(d)["encrypted_comment_regex"] = "x" }, "depends on comments"},
		"PGP only": {func(d map[string]any) {
			delete(meta(d), "age")
			meta(d)["pgp"] = []any{map[string]any{"fp": "AB"}}
		}, "keys that are not age keys"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := secrets.Decrypt(t.Context(), change(t, data, c.edit), secrets.JSON, o)
			if err == nil || got != nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("got %s, %v; want %q", got, err, c.want)
			}
			testkit.Lacks(t, "the error", err.Error(), "alpha", "beta", "AGE-SECRET")
		})
	}
}

func TestBrokenFiles(t *testing.T) {
	key := newKey(t)
	o := secrets.Options{Env: variables("SOPS_AGE_KEY", key.String())}
	data := encrypt(t, secretstest.File{Clear: `{"a": "alpha"}`, Recipients: []age.Recipient{key.Recipient()}})
	for name, broken := range map[string]string{
		"empty":     "",
		"blank":     "\n\n",
		"truncated": string(data[:len(data)/2]),
		"a list":    "[1]",
		"a word":    `"x"`,
		"trailing":  string(data) + "{}",
		"twice":     `{"a": 1, "a": 2, "sops": {}}`,
		"deep":      strings.Repeat("[", 5000),
	} {
		for _, format := range []secrets.Format{secrets.JSON, secrets.YAML} {
			if got, err := secrets.Decrypt(t.Context(), []byte(broken), format, o); err == nil {
				t.Errorf("%s as %s gives %s", name, format, got)
			}
		}
	}
	if _, err := secrets.Decrypt(t.Context(), data, "dotenv", o); err == nil {
		t.Error("dotenv is read")
	}
	if _, err := secrets.Read(t.Context(), write(t, filepath.Join(t.TempDir(), "x.env"), "A=1", 0o600), o); err == nil {
		t.Error("a file of an unknown format is read")
	}
	if _, err := secrets.Read(t.Context(), filepath.Join(t.TempDir(), "x.json"), o); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing file: %v", err)
	}
}

func TestCommandsEndWithTheContext(t *testing.T) {
	key := newKey(t)
	data := encrypt(t, secretstest.File{Clear: `{"a": "alpha"}`, Recipients: []age.Recipient{key.Recipient()}})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := secrets.Decrypt(ctx, data, secrets.JSON, secrets.Options{Env: variables("SOPS_AGE_KEY_CMD", "sleep 60; echo "+key.String())})
	if err == nil || strings.Contains(err.Error(), "AGE-SECRET") {
		t.Errorf("error is %v", err)
	}
}
