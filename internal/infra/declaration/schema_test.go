package declaration

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"syslog-gateway/internal/testkit"
)

// TestSchemaTakesWhatIsRead holds the schema against declarations that Load takes, and against
// mistakes.
func TestSchemaTakesWhatIsRead(t *testing.T) {
	text := testkit.Try(json.Marshal(Schema()))(t)
	compiler := jsonschema.NewCompiler()
	testkit.Must(t, compiler.AddResource("deployment.json", testkit.Try(jsonschema.UnmarshalJSON(bytes.NewReader(text)))(t)))
	schema := testkit.Try(compiler.Compile("deployment.json"))(t)
	validate := func(data []byte) error {
		return schema.Validate(testkit.Try(jsonschema.UnmarshalJSON(bytes.NewReader(data)))(t))
	}
	files := testkit.Try(filepath.Glob("testdata/*/deployment.json"))(t)
	files = append(files, filepath.Join("..", "..", "..", "deploy", "provision", "deployment.json"))
	for _, file := range files {
		if err := validate(testkit.Try(os.ReadFile(file))(t)); err != nil {
			t.Errorf("%s: %v", file, err)
		}
	}
	for _, right := range []string{
		`{"network_prefix": "10.20.30", "domain": null, "_comment": ["what", "ever"], "$schema": "./schema.json"}`,
		`{"containers": {"a": {"vm_id": 101, "hostname": "a", "cpu_limit": 0.5, "mount_points": [{"volume": "/srv", "path": "/a", "mount_options": ["nodev"]}], "firewall": {"in": [{"ports": [1, "2:3"]}]}}}}`,
		`{"dns_plugins": {"a": {"plugin_type": "aws", "data": {"ANY": "x"}}}}`,
	} {
		if err := validate([]byte(right)); err != nil {
			t.Errorf("%s: %v", right, err)
		}
	}
	for _, wrong := range []string{
		`{"netwrok_prefix": "10.20.30"}`, `{"containers": {"a": {"hostname": "a"}}}`, `{"containers": {"a": {"vm_id": "101", "hostname": "a"}}}`,
		`{"containers": {"a": {"vm_id": 101.5, "hostname": "a"}}}`, `{"vms": {"a": {"vm_id": 101, "name": "a", "bios": "uefi"}}}`,
		`{"containers": {"a": {"vm_id": 99, "hostname": "a"}}}`, `{"firewall": {"classes": {"pipeline": {"in": [{"prot": "tcp"}]}}}}`,
		`{"containers": []}`, `{"containers": {"a": {"vm_id": 101, "hostname": "a", "mount_points": [{"path": "/a"}]}}}`,
	} {
		if validate([]byte(wrong)) == nil {
			t.Errorf("taken: %s", wrong)
		}
	}
}
