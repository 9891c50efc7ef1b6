package inventory

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"syslog-gateway/internal/testkit"
)

// What the validator does not know it would not check.
func TestSchemasUseOnlyWhatIsChecked(t *testing.T) {
	known := []string{"$schema", "$id", "title", "$ref", "definitions", "type", "const", "properties", "required",
		"additionalProperties", "minProperties", "items", "pattern", "minLength", "minimum", "maximum"}
	var visit func(path string, v any, names bool)
	visit = func(path string, v any, names bool) {
		switch v := v.(type) {
		case map[string]any:
			for name, below := range v {
				if !names && !slices.Contains(known, name) {
					t.Errorf("%s uses %q", path, name)
				}
				visit(path+"."+name, below, !names && (name == "properties" || name == "definitions"))
			}
		}
	}
	for name, text := range map[string][]byte{"own": ownSchema, "legacy": legacySchema} {
		var doc any
		testkit.Must(t, json.Unmarshal(text, &doc))
		visit(name, doc, false)
	}
}

func TestCheckFindsWhatIsWrong(t *testing.T) {
	good := string(document(t, small()))
	for _, c := range []struct{ old, new, want string }{
		{"", "", ""},
		{`"domain":"lab.example"`, `"domain":7`, "$.domain: is of type integer, must be string"},
		{`"domain":"lab.example"`, `"domain":"","more":1`, `$: "more" is not allowed`},
		{`,"vms":`, `,"machines":`, `$: "vms" is missing`},
		{`"10.20.30.107"`, `"10.20.30.300"`, "$.containers.minio.ip: is"},
		{`"10.20.30.107"`, `null`, "$.containers.minio.ip: is of type null"},
		{`"vmid":107`, `"vmid":99`, "$.containers.minio.vmid: is 99, must be 100 at least"},
		{`"ansible_connection":"ssh"`, `"ansible_connection":"local"`, `must be "ssh"`},
		{`"splunk_hec":8088`, `"splunk_hec":80880`, "must be 65535 at most"},
		{`"splunk_hec":8088`, `"splunk_hec":80.5`, "must be an integer"},
		{`"hostname":"minio"`, `"hostname":"minio","mac":"x"`, `"mac" is not allowed`},
		{`"pool_id":"infrastructure"`, `"pool_id":""`, "must have 1 characters at least"},
		{`"tags":["terraform"`, `"tags":[true`, "[0]: is of type boolean"},
		{`"mount_point":"/mnt/nas"`, `"mount_point":"mnt"`, "must match ^/"},
	} {
		wrong := testkit.Try(Check([]byte(strings.Replace(good, c.old, c.new, 1))))(t)
		all := strings.Join(wrong, "; ")
		if (c.want == "") != (all == "") || !strings.Contains(all, c.want) {
			t.Errorf("%s -> %s: found %q, want %q", c.old, c.new, all, c.want)
		}
	}
	for _, broken := range []string{"", "{", `{} {}`} {
		if _, err := Check([]byte(broken)); err == nil {
			t.Errorf("%q is taken", broken)
		}
	}
}

// The old schema never learned of MinIO's ports, which the playbooks beside it use.
func TestLegacySchemaRefusesMinIOPortsOnly(t *testing.T) {
	wrong := testkit.Try(CheckLegacy(document(t, small())))(t)
	want := []string{`$.constants.service_ports: "minio_api" is not allowed`, `$.constants.service_ports: "minio_console" is not allowed`}
	if !slices.Equal(wrong, want) {
		t.Errorf("found %q, want %q", wrong, want)
	}
}

// FuzzDiff compares what somebody left in the place of a published inventory with a document:
// there is no difference if they are the same, and each difference can be printed.
func FuzzDiff(f *testing.F) {
	f.Add([]byte(`{"a":{"b":[1,2.50,null]}}`), []byte(`{"a":{"b":{}}}`))
	f.Add([]byte("\xff"), []byte(`{"":{"":""}}`))
	f.Fuzz(func(t *testing.T, before, after []byte) {
		changes, err := Diff(before, after)
		if err != nil && changes != nil {
			t.Errorf("%v and %v", changes, err)
		}
		for _, c := range changes {
			if c.From == c.To || c.String() == "" {
				t.Errorf("%+v", c)
			}
		}
		if same, err := Diff(after, after); err == nil && len(same) > 0 {
			t.Errorf("of itself it differs by %v", same)
		}
	})
}

func FuzzCheck(f *testing.F) {
	f.Add([]byte(`{"containers":{"a":{"vmid":1e99,"tags":[[]]}},"constants":null}`))
	f.Add([]byte(`{"domain":"\ud800"}`))
	f.Fuzz(func(t *testing.T, doc []byte) {
		_, err := Check(doc)
		if _, legacy := CheckLegacy(doc); (err == nil) != (legacy == nil) {
			t.Errorf("%v, but %v", err, legacy)
		}
		if _, diff := Diff([]byte("{}"), doc); (err == nil) != (diff == nil) {
			t.Errorf("%v, but %v", err, diff)
		}
	})
}
