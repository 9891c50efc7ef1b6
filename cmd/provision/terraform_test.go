package main

import (
	"bytes"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"syslog-gateway/internal/infra/amazon"
	"syslog-gateway/internal/infra/amazon/amazontest"
	"syslog-gateway/internal/infra/pvesim"
	"syslog-gateway/internal/infra/state"
	"syslog-gateway/internal/testkit"
)

// estateOfTerraform needs no provider. Its apply writes the file begun and lasts until
// there is a file go.
const estateOfTerraform = `
terraform {
  backend "s3" {
    bucket = "BUCKET"
    key = "terraform-proxmox/terraform.tfstate"
    region = "us-east-2"
    encrypt = true
    dynamodb_table = "locks"
    use_lockfile = true
    use_path_style = true
    skip_credentials_validation = true
    skip_requesting_account_id = true
    skip_metadata_api_check = true
  }
}
resource "terraform_data" "wait" {
  triggers_replace = timestamp()
  provisioner "local-exec" { command = "touch begun; until [ -e go ]; do sleep 0.05; done" }
}
`

// terraform is the real program beside provision, on one S3 and one DynamoDB.
type terraform struct {
	*world
	program string
	folder  string
	bucket  *amazon.Bucket
	table   *amazon.Table
}

// findTerraform gives Terraform or OpenTofu: TERRAFORM, else what is on the PATH or in
// bin/tools.
func findTerraform(t *testing.T) string {
	t.Helper()
	path := os.Getenv("TERRAFORM")
	if path == "" {
		path, _ = exec.LookPath("terraform")
	}
	if path == "" {
		path = program(t, "tofu", "there is no terraform either; make bin/tools/tofu")
	}
	cmd := exec.Command(path, "version")
	cmd.Env = append(os.Environ(), "CHECKPOINT_DISABLE=1")
	version := testkit.Try(cmd.Output())(t)
	t.Logf("%s: %s", path, regexp.MustCompile(`(Terraform|OpenTofu) v\S+`).Find(version))
	return path
}

// newTerraform initializes Terraform on what the variables name. The account leads to the
// same.
func newTerraform(t *testing.T, w *world, env map[string]string, account *amazon.Account, bucket string) *terraform {
	t.Helper()
	tf := &terraform{world: w, program: findTerraform(t), folder: w.mkdir("terraform"),
		bucket: account.Bucket(bucket, amazon.Encryption{}), table: account.Table("locks")}
	w.Write("terraform/main.tf", strings.Replace(estateOfTerraform, "BUCKET", bucket, 1))
	w.Write("none.tfrc", "")
	for k, v := range env {
		w.set(k + "=" + v)
	}
	w.set("TF_CLI_CONFIG_FILE=" + w.Path("none.tfrc"))
	w.set("CHECKPOINT_DISABLE=1")
	w.set("TF_IN_AUTOMATION=1")
	out, err := tf.call("init", "-input=false", "-no-color")
	if err != nil {
		t.Fatalf("init: %v\n%s", err, out)
	}
	return tf
}

// section is the declaration's, with Terraform's lock.
func (tf *terraform) section() string {
	return strings.Replace(stateInS3, `"states"`, `"`+tf.bucket.Name()+`"`, 1)
}

func (tf *terraform) start(args ...string) (*exec.Cmd, *bytes.Buffer) {
	cmd := exec.Command(tf.program, args...)
	out := new(bytes.Buffer)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = tf.folder, tf.env, out, out
	return cmd, out
}

func (tf *terraform) call(args ...string) (string, error) {
	cmd, out := tf.start(args...)
	err := cmd.Run()
	return out.String(), err
}

// terraformKey is the key of Terraform's state.
const terraformKey = "terraform-proxmox/terraform.tfstate"

// item is the lock in DynamoDB.
func (tf *terraform) item() string { return tf.bucket.Name() + "/" + terraformKey }

// locks gives what the locks say, by place.
func (tf *terraform) locks() map[string]string {
	tf.T.Helper()
	all := make(map[string]string)
	object, err := tf.bucket.Get(tf.T.Context(), terraformKey+".tflock", "")
	if err == nil {
		all["S3"] = string(object.Data)
	} else if !errors.Is(err, amazon.ErrMissing) {
		tf.T.Error(err)
	}
	text, err := tf.table.Get(tf.T.Context(), tf.item(), "Info")
	if err == nil {
		all["DynamoDB"] = text
	} else if !errors.Is(err, amazon.ErrMissing) {
		tf.T.Error(err)
	}
	return all
}

// locked says in how many places there is a lock.
func (tf *terraform) locked() int {
	tf.T.Helper()
	return len(tf.locks())
}

// forgetRecord removes the record.
func (tf *terraform) forgetRecord() {
	tf.T.Helper()
	const key = "provision/record.json"
	object, err := tf.bucket.Get(tf.T.Context(), key, "")
	if err == nil {
		err = tf.bucket.Delete(tf.T.Context(), key, object.ETag)
	}
	if !errors.Is(err, amazon.ErrMissing) {
		testkit.Must(tf.T, err)
	}
}

// applied runs an apply of Terraform to its end.
func (tf *terraform) applied() {
	tf.T.Helper()
	if text, err := tf.call("apply", "-auto-approve", "-input=false", "-no-color"); err != nil {
		tf.T.Fatalf("terraform apply: %v\n%s", err, text)
	}
}

// goesOn wants that Terraform can plan. If it was killed between its state and the digest,
// it refuses the state until the digest is gone, and so does provision: then it gives 1.
func (tf *terraform) goesOn() int {
	tf.T.Helper()
	ctx, id, wrong := tf.T.Context(), tf.item()+"-md5", 0
	text, err := tf.call("plan", "-input=false", "-no-color", "-lock-timeout=0s")
	if err != nil && strings.Contains(text, "Digest") {
		wrong = 1
		tf.expect(1, []string{"MD5", tf.item()}, "state", "migrate", "s3://"+tf.item(), "--region", "us-east-2", "--lock-table", "locks")
		testkit.Must(tf.T, tf.table.Delete(ctx, id, "Digest", testkit.Try(tf.table.Get(ctx, id, "Digest"))(tf.T)))
		text, err = tf.call("plan", "-input=false", "-no-color", "-lock-timeout=0s")
	}
	if err != nil {
		tf.T.Errorf("terraform plan: %v\n%s", err, text)
	}
	return wrong
}

// applying starts an apply of Terraform and waits until it works.
func (tf *terraform) applying() (*exec.Cmd, *bytes.Buffer) {
	tf.T.Helper()
	os.Remove(filepath.Join(tf.folder, "begun"))
	os.Remove(filepath.Join(tf.folder, "go"))
	cmd, out := tf.start("apply", "-auto-approve", "-input=false", "-no-color")
	testkit.Must(tf.T, cmd.Start())
	testkit.Eventually(tf.T, "Terraform applies", func() bool { return tf.exists("terraform/begun") })
	return cmd, out
}

// Terraform and provision exclude each other, and each can break the other's lock.
func TestTerraformAndProvisionExcludeEachOther(t *testing.T) {
	a := amazontest.Start(t)
	w := newWorld(t, pvesim.Options{})
	a.Setenv(t)
	account := testkit.Try(amazon.Open(t.Context(), amazon.Options{}))(t)
	exclude(t, newTerraform(t, w, a.Env(w.Dir), account, "states"))
}

func exclude(t *testing.T, tf *terraform) {
	plain := tf.Read("deployment.json")
	declared := strings.Replace(plain, `"domain"`, tf.section(), 1)
	tf.Write("deployment.json", declared)

	// Terraform works: provision names it, waits, and goes on.
	cmd, out := tf.applying()
	testkit.Equal(t, "places that Terraform locks", tf.locked(), 2)
	tf.expect(1, []string{"is locked by", "for Apply since", "provision state unlock "}, "apply", "--yes", "--lock-timeout", "0")
	tf.expect(2, []string{"to create"}, "plan")
	tf.expect(0, []string{"written, read, not written over, and deleted", "warn lock: "}, "check")
	if writes := tf.Sim.Writes(); len(writes) > 0 {
		t.Errorf("written beside Terraform: %v", writes)
	}
	tf.Write("deployment.json", plain) // the control: without the section nothing is noticed
	tf.expect(0, nil, "apply", "--yes", "--only", "dns", "--state-dir", "control")
	tf.Write("deployment.json", declared)
	waiting := tf.command("apply", "--yes")
	said := new(testkit.Log)
	waiting.Stdout, waiting.Stderr = said, said
	testkit.Must(t, waiting.Start())
	testkit.Eventually(t, "provision waits", func() bool { return strings.Contains(said.String(), "waiting for another run: ") })
	tf.Write("terraform/go", "")
	if err := cmd.Wait(); err != nil {
		t.Errorf("terraform apply: %v\n%s", err, out)
	}
	if err := waiting.Wait(); err != nil {
		t.Errorf("the provision that waited: %v\n%s", err, said)
	}
	testkit.Equal(t, "left", tf.locked(), 0)

	// provision works: Terraform names it.
	tf.Edit(`"memory_dedicated": 512`, `"memory_dedicated": 1024`)
	holding, proceed := make(chan struct{}), make(chan struct{})
	var once sync.Once
	tf.Hooks(func(r *http.Request) {
		if r.Method != http.MethodGet {
			once.Do(func() { close(holding); <-proceed })
		}
	}, nil)
	mine := tf.command("apply", "--yes")
	testkit.Must(t, mine.Start())
	<-holding
	testkit.Equal(t, "places that provision locks", tf.locked(), 2)
	text, err := tf.call("plan", "-input=false", "-no-color", "-lock-timeout=0s")
	if err == nil {
		t.Errorf("terraform plan beside provision:\n%s", text)
	}
	testkit.Holds(t, "terraform plan", text, "Error acquiring the state lock", "provision apply", "Who:", "journal in /")
	testkit.Equal(t, "places after Terraform's try", tf.locked(), 2)

	// provision is killed: Terraform can break its lock.
	id := state.ReadLock("", []byte(tf.locks()["S3"])).ID
	testkit.Must(t, mine.Process.Kill())
	_ = mine.Wait()
	close(proceed)
	tf.Hooks(nil, nil)
	testkit.Equal(t, "places of the dead run", tf.locked(), 2)
	text, err = tf.call("force-unlock", "-force", id)
	if err != nil || !strings.Contains(text, "successfully unlocked") {
		t.Errorf("force-unlock: %v\n%s", err, text)
	}
	testkit.Equal(t, "places after force-unlock", tf.locked(), 0)
	tf.expect(0, nil, "apply", "--yes")

	// Terraform is killed: provision can break its lock, and Terraform works again.
	cmd, _ = tf.applying()
	testkit.Must(t, cmd.Process.Kill())
	tf.Write("terraform/go", "") // ends the command that outlives it
	_ = cmd.Wait()
	testkit.Equal(t, "places of the dead Terraform", tf.locked(), 2)
	answer := tf.expect(1, []string{"provision state unlock "}, "state", "unlock")
	_, id, _ = strings.Cut(answer.errs, "provision state unlock ")
	id, _, _ = strings.Cut(id, "`")
	tf.expect(0, []string{"taken away"}, "state", "unlock", id)
	testkit.Equal(t, "places after state unlock", tf.locked(), 0)
	tf.applied()
	tf.expect(0, []string{"Nothing to do"}, "plan")
	tf.expect(0, []string{"lock: free"}, "check")
}
