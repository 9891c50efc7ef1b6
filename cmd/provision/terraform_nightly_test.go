//go:build nightly

package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"syslog-gateway/internal/infra/amazon/amazontest"
	"syslog-gateway/internal/infra/pvesim"
	"syslog-gateway/internal/testkit"
)

// The same against a S3 and a DynamoDB that others wrote: versitygw and dynalite, which
// `make bin/tools/versitygw bin/tools/dynalite` installs.
func TestTerraformAndProvisionOnVersitygwAndDynalite(t *testing.T) {
	w := newWorld(t, pvesim.Options{})
	env := new(amazontest.Amazon).Env(w.Dir)
	ports := testkit.Try(testkit.FreePorts(2))(t)
	s3, dynamo := "127.0.0.1:"+strconv.Itoa(ports[0]), "127.0.0.1:"+strconv.Itoa(ports[1])
	env["AWS_ENDPOINT_URL_S3"], env["AWS_ENDPOINT_URL_DYNAMODB"] = "http://"+s3, "http://"+dynamo
	w.mkdir("s3/states")
	serve(t, w, []string{"ROOT_ACCESS_KEY=" + env["AWS_ACCESS_KEY_ID"], "ROOT_SECRET_KEY=" + env["AWS_SECRET_ACCESS_KEY"]},
		tool(t, "versitygw"), "--port", s3, "--region", env["AWS_REGION"], "posix", w.Path("s3"))
	serve(t, w, nil, tool(t, "dynalite"), "--host", "127.0.0.1", "--port", strconv.Itoa(ports[1]), "--createTableMs", "0")
	for k, v := range env {
		t.Setenv(k, v)
	}
	testkit.Eventually(t, "there is a table", func() bool { return makeTable(t.Context()) == nil })
	exclude(t, newTerraform(t, w, env))
}

// tool is the path of a program that make installs.
func tool(t *testing.T, name string) string {
	t.Helper()
	path := testkit.Try(filepath.Abs(filepath.Join("..", "..", "bin", "tools", name)))(t)
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("%v: run make bin/tools/%s", err, name)
	}
	return path
}

// serve runs a program until the test ends.
func serve(t *testing.T, w *world, env []string, name string, args ...string) {
	t.Helper()
	cmd := exec.Command(name, args...)
	said := new(testkit.Log)
	cmd.Dir, cmd.Stdout, cmd.Stderr = w.Dir, said, said
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + w.Dir}, env...)
	testkit.Must(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("%s:\n%s", name, said)
		}
	})
}

// makeTable makes the table of locks.
func makeTable(ctx context.Context) error {
	conf, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return err
	}
	_, err = dynamodb.NewFromConfig(conf).CreateTable(ctx, &dynamodb.CreateTableInput{
		TableName: aws.String("locks"), BillingMode: types.BillingModePayPerRequest,
		KeySchema:            []types.KeySchemaElement{{AttributeName: aws.String("LockID"), KeyType: types.KeyTypeHash}},
		AttributeDefinitions: []types.AttributeDefinition{{AttributeName: aws.String("LockID"), AttributeType: types.ScalarAttributeTypeS}},
	})
	return err
}
