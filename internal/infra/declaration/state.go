package declaration

import (
	"errors"
	"io/fs"
	"os"
	"strings"

	"syslog-gateway/internal/infra/declaration/reader"
)

// State is where the record of what was applied is kept, and which lock of Terraform's is
// taken. It is no part of the estate.
type State struct {
	S3           bool   // the record is in S3; otherwise in the state folder
	Bucket       string // of record and lock
	Key          string // of the record
	Region       string // "": AWS_REGION, or the profile's
	Table        string // DynamoDB table of locks; "": none is taken there
	Lockfile     bool   // the lock <key>.tflock in S3 is taken
	Encrypt      bool   // server-side
	KMSKey       string // "": AES256
	TerraformKey string // of the Terraform state whose lock is taken; "": the lock of Key
}

// Shared says that there is anything in S3.
func (s State) Shared() bool { return s.Bucket != "" }

// LoadState reads the state section of deployment.json alone. It needs no key of a SOPS
// file. Where there is no declaration, the record is in the state folder.
func LoadState(o Options) (State, error) {
	if _, err := os.Stat(o.Deployment); errors.Is(err, fs.ErrNotExist) {
		return State{}, nil
	}
	report := &reader.Report{}
	root := readFile(report, o.Deployment)
	if root == nil {
		return State{}, report.Problems.Sort()
	}
	report.Problems = nil // those of other sections are for [Load] to report
	s := readState(report, report.Object(root), o)
	if len(report.Problems) > 0 {
		return State{}, report.Problems.Sort()
	}
	return s, nil
}

// readState reads the state section.
func readState(report *reader.Report, r *reader.Object, o Options) State {
	v := r.Object("state")
	if v == nil {
		return State{}
	}
	if v.Value.File != o.Deployment {
		report.Problem(v.Value, "is not read from here", "declare it in "+o.Deployment+": it holds no secrets")
		return State{}
	}
	s := State{
		S3:           v.Word("backend", "local", "local", "s3") == "s3",
		Bucket:       v.Text("bucket", "", singleLine),
		Key:          v.Text("key", "", objectKey),
		Region:       v.Text("region", "", singleLine),
		Table:        v.Text("dynamodb_table", "", singleLine),
		TerraformKey: v.Text("terraform_key", "", objectKey),
		KMSKey:       v.Text("kms_key_id", "", singleLine),
		Encrypt:      v.Flag("encrypt", true),
	}
	s.Lockfile = v.Flag("use_lockfile", s.Table == "")
	v.End()
	s.check(report, v)
	return s
}

// check finds what does not fit together.
func (s State) check(report *reader.Report, v *reader.Object) {
	problem := func(key, what, fix string) { report.Problem(v.Place(key), what, fix) }
	switch {
	case s.S3 && s.Bucket == "":
		v.Missing("bucket")
	case s.S3 && s.Key == "":
		v.Missing("key")
	case !s.S3 && s.Key != "":
		problem("key", "has no effect: the record is in the state folder", `declare "backend": "s3"`)
	case !s.S3 && (s.Bucket == "") != (s.TerraformKey == ""):
		problem("terraform_key", "and bucket go together", "Terraform's lock is that of an object in a bucket")
	case !s.Shared() && (s.Table != "" || s.Region != "" || s.KMSKey != ""):
		problem("bucket", "is missing", `for a record in S3 declare "backend": "s3", for Terraform's lock alone terraform_key`)
	case s.Shared() && !s.Lockfile && s.Table == "":
		problem("use_lockfile", "is false, and there is no dynamodb_table: nothing would keep two runs apart", "set one of them, as Terraform has it")
	case s.Key != "" && (s.Key == s.TerraformKey || strings.HasSuffix(s.Key, ".tflock")):
		problem("key", v.Place("key").Shown()+" is an object of Terraform's", "give the record a key of its own, such as provision/record.json")
	case s.KMSKey != "" && !s.Encrypt:
		problem("encrypt", "is false, and kms_key_id is set", "remove one of them")
	}
}

func objectKey(s string) (string, string) {
	if strings.HasPrefix(s, "/") || strings.HasSuffix(s, "/") || strings.ContainsAny(s, "\n\r") || len(s) > 1000 {
		return "is not the key of an object", "without a slash at either end, such as provision/record.json"
	}
	return "", ""
}
