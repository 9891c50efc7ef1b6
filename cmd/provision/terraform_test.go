package main

import (
	"bytes"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"syslog-gateway/internal/infra/amazon"
	"syslog-gateway/internal/infra/amazon/amazontest"
	"syslog-gateway/internal/infra/pvesim"
	"syslog-gateway/internal/testkit"
)

// estateOfTerraform needs no provider. Its apply writes the file begun and lasts until
// there is a file go.
const estateOfTerraform = `
terraform {
  backend "s3" {
    bucket = "states"
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

// findTerraform gives terraform or OpenTofu: TERRAFORM, else what is on the PATH.
func findTerraform(t *testing.T) string {
	t.Helper()
	for _, name := range []string{os.Getenv("TERRAFORM"), "terraform", "tofu"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Skip("neither terraform nor tofu is on the PATH")
	return ""
}

// newTerraform initializes Terraform on what the variables name.
func newTerraform(t *testing.T, w *world, env map[string]string) *terraform {
	t.Helper()
	tf := &terraform{world: w, program: findTerraform(t), folder: w.mkdir("terraform")}
	w.Write("terraform/main.tf", estateOfTerraform)
	w.Write("none.tfrc", "")
	for k, v := range env {
		w.set(k + "=" + v)
		t.Setenv(k, v)
	}
	w.set("TF_CLI_CONFIG_FILE=" + w.Path("none.tfrc"))
	w.set("CHECKPOINT_DISABLE=1")
	w.set("TF_IN_AUTOMATION=1")
	account := testkit.Try(amazon.Open(t.Context(), amazon.Options{}))(t)
	tf.bucket, tf.table = account.Bucket("states", amazon.Encryption{}), account.Table("locks")
	out, err := tf.call("init", "-input=false", "-no-color")
	if err != nil {
		t.Fatalf("init: %v\n%s", err, out)
	}
	return tf
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

// locked says in how many places there is a lock.
func (tf *terraform) locked() int {
	tf.T.Helper()
	n := 0
	if _, err := tf.bucket.Get(tf.T.Context(), lockItem[len("states/"):]+".tflock", ""); err == nil {
		n++
	} else if !errors.Is(err, amazon.ErrMissing) {
		tf.T.Error(err)
	}
	if _, err := tf.table.Get(tf.T.Context(), lockItem, "Info"); err == nil {
		n++
	} else if !errors.Is(err, amazon.ErrMissing) {
		tf.T.Error(err)
	}
	return n
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
	exclude(t, newTerraform(t, w, a.Env(w.Dir)))
}

func exclude(t *testing.T, tf *terraform) {
	t.Helper()
	plain := tf.Read("deployment.json")
	declared := strings.Replace(plain, `"domain"`, stateInS3, 1)
	tf.Write("deployment.json", declared)

	// Terraform works: provision names it, waits, and goes on.
	cmd, out := tf.applying()
	testkit.Equal(t, "places that Terraform locks", tf.locked(), 2)
	tf.expect(1, []string{"is locked by", "for Apply since", "provision state unlock "}, "apply", "--yes", "--lock-timeout", "0")
	tf.expect(2, []string{"to create"}, "plan")
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
	object := testkit.Try(tf.bucket.Get(t.Context(), lockItem[len("states/"):]+".tflock", ""))(t)
	id := holder(t, string(object.Data)).ID
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
	if text, err := tf.call("apply", "-auto-approve", "-input=false", "-no-color"); err != nil {
		t.Errorf("terraform apply after all: %v\n%s", err, text)
	}
	tf.expect(0, []string{"Nothing to do"}, "plan")
}
