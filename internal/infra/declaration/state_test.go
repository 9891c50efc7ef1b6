package declaration

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"syslog-gateway/internal/testkit"
)

func stateOf(t *testing.T, text string) (State, error) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "deployment.json")
	testkit.Must(t, os.WriteFile(file, []byte(text), 0o600))
	return LoadState(Options{Deployment: file})
}

func TestLoadState(t *testing.T) {
	const whole = `{"state": {"backend": "s3", "bucket": "b", "key": "p/record.json", "region": "us-east-2", "dynamodb_table": "locks",
		"use_lockfile": true, "encrypt": true, "kms_key_id": "alias/k", "terraform_key": "tf/terraform.tfstate"}}`
	for text, want := range map[string]State{
		`{}`:                              {},
		`{"state": {}}`:                   {Lockfile: true, Encrypt: true},
		`{"state": {"backend": "local"}}`: {Lockfile: true, Encrypt: true},
		whole:                             {S3: true, Bucket: "b", Key: "p/record.json", Region: "us-east-2", Table: "locks", Lockfile: true, Encrypt: true, KMSKey: "alias/k", TerraformKey: "tf/terraform.tfstate"},
		`{"state": {"backend": "s3", "bucket": "b", "key": "k"}}`:                           {S3: true, Bucket: "b", Key: "k", Lockfile: true, Encrypt: true},
		`{"state": {"backend": "s3", "bucket": "b", "key": "k", "dynamodb_table": "l"}}`:    {S3: true, Bucket: "b", Key: "k", Table: "l", Encrypt: true},
		`{"state": {"bucket": "b", "terraform_key": "t"}, "network_prefix": 7, "x": false}`: {Bucket: "b", TerraformKey: "t", Lockfile: true, Encrypt: true},
	} {
		s, err := stateOf(t, text)
		if err != nil || s != want {
			t.Errorf("%s: %+v, %v; want %+v", text, s, err, want)
		}
	}
	if s, err := LoadState(Options{Deployment: filepath.Join(t.TempDir(), "none.json")}); err != nil || s.Shared() {
		t.Errorf("without a declaration: %+v, %v", s, err)
	}
}

func TestStateThatDoesNotFitTogether(t *testing.T) {
	for text, says := range map[string]string{
		`"backend": "gcs"`:                                         "one of: local, s3",
		`"backend": "s3"`:                                          "$.state.bucket: is missing",
		`"backend": "s3", "bucket": "b"`:                           "$.state.key: is missing",
		`"backend": "s3", "bucket": "b", "key": "/k"`:              "not the key of an object",
		`"backend": "s3", "bucket": "b", "key": "k", "tabel": "x"`: "not known here",
		`"backend": "s3", "bucket": "b", "key": "k.tflock"`:        "an object of Terraform's",
		`"key": "k"`:            "has no effect",
		`"bucket": "b"`:         "go together",
		`"terraform_key": "t"`:  "go together",
		`"dynamodb_table": "t"`: "$.state.bucket: is missing",
		`"bucket": "b", "terraform_key": "t", "use_lockfile": false`:               "nothing would keep two runs apart",
		`"bucket": "b", "terraform_key": "t", "kms_key_id": "k", "encrypt": false`: "remove one of them",
		`"backend": "s3", "bucket": "b", "key": "t", "terraform_key": "t"`:         "a key of its own",
	} {
		_, err := stateOf(t, `{"state": {`+text+`}}`)
		testkit.Fails(t, err, says)
		if err != nil && strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: more than one sentence: %v", text, err)
		}
	}
	testkit.Fails(t, testkit.Err(stateOf(t, `{"state": `)), "not valid JSON")
}

// The section is found without the key of the SOPS file, so it cannot be in there.
func TestStateIsNotEncrypted(t *testing.T) {
	o := Options{Deployment: put(t, filepath.Join(t.TempDir(), "deployment.json"), `{"domain": "a.example", "network_prefix": "10.7.7"}`)}
	testkit.Fails(t, testkit.Err(Load(t.Context(), encrypted(t, o, `{"state": {"backend": "s3", "bucket": "b", "key": "k"}}`))), "$.state", "declare it in")
}
