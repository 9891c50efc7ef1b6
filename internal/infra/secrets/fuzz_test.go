package secrets_test

import (
	"bytes"
	"testing"

	"filippo.io/age"

	"syslog-gateway/internal/infra/secrets"
	"syslog-gateway/internal/infra/secrets/secretstest"
)

// FuzzDecrypt feeds documents that were damaged in any way. What is accepted has to be
// a document without metadata; with the key at hand nothing else may come out than the
// clear text that was encrypted, in another order of white space at most.
func FuzzDecrypt(f *testing.F) {
	key := newKey(f)
	o := secrets.Options{Env: variables("SOPS_AGE_KEY", key.String())}
	const text = `{"a": "alpha", "b": {"c": [1, true, 2.5, null]}, "d_unencrypted": "open"}`
	for _, yaml := range []bool{false, true} {
		data := encrypt(f, secretstest.File{Clear: text, YAML: yaml, Recipients: []age.Recipient{key.Recipient()}})
		f.Add(data, yaml)
		f.Add(data[:len(data)-20], yaml)
	}
	f.Add([]byte(`{"sops": {"age": [{"enc": "x"}], "mac": "ENC[AES256_GCM,data:,iv:,tag:,type:str]", "lastmodified": "2026-01-01T00:00:00Z"}}`), false)
	f.Add([]byte("a: &x 1\nb: *x\nsops: {}\n"), true)
	f.Fuzz(func(t *testing.T, data []byte, yaml bool) {
		format := secrets.JSON
		if yaml {
			format = secrets.YAML
		}
		got, err := secrets.Decrypt(t.Context(), data, format, o)
		if err != nil {
			if got != nil {
				t.Errorf("an error and %q", got)
			}
			return
		}
		if !bytes.Contains(got, []byte("alpha")) || bytes.Contains(got, []byte("ENC[")) {
			t.Errorf("accepted, and gives %q", got)
		}
	})
}
