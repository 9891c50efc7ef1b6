package needs

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"filippo.io/age"

	"syslog-gateway/internal/infra/secrets"
	"syslog-gateway/internal/infra/secrets/secretstest"
	"syslog-gateway/internal/testkit"
)

func TestNamesOfAWorkflow(t *testing.T) {
	for _, c := range []struct{ name, text, want, notes string }{
		{"env and with", "jobs: {a: {env: {X: '${{ secrets.ONE }}'}, steps: [{with: {t: \"a ${{secrets.Two}} b ${{ secrets.ONE }}\"}}]}}", "ONE TWO", ""},
		{"run of several lines", "jobs:\n  a:\n    steps:\n      - run: |\n          echo ${{\n            secrets.ONE\n          }}\n", "ONE", ""},
		{"index", "x: ${{ secrets['ONE'] || secrets [ 'two' ] }}", "ONE TWO", ""},
		{"if without braces", "jobs: {a: {if: \"secrets.ONE != '' && github.ref == 'refs/heads/secrets.NO'\"}}", "ONE", ""},
		{"comments and plain text", "# ${{ secrets.NO }}\nx: secrets.NO\ny: ${{ env.secrets.NO }} ${{ mysecrets.NO }} ${{ 'secrets.NO' }}", "", ""},
		{"GitHub's own", "x: ${{ secrets.GITHUB_TOKEN }}", "", ""},
		{"given by a caller", "on: {workflow_call: {secrets: {token: {required: true}}}}\nx: ${{ secrets.token }} ${{ secrets.OTHER }}", "OTHER", ""},
		{"handed on", "jobs: {a: {uses: ./x.yml, secrets: inherit}}", "", "secrets: inherit"},
		{"computed", "x: ${{ secrets[matrix.name] }} ${{ toJSON(secrets) }}", "", "names it computes"},
		{"an alias", "a: &a ${{ secrets.ONE }}\nb: *a", "ONE", ""},
		{"empty", "", "", ""},
	} {
		names, notes, err := parse([]byte(c.text))
		testkit.Must(t, err)
		testkit.Equal(t, c.name, strings.Join(names, " "), c.want)
		testkit.Holds(t, c.name, strings.Join(notes, "\n"), c.notes)
		testkit.Equal(t, c.name+": notes", len(notes) > 0, c.notes != "")
	}
	if _, _, err := parse([]byte("a: [")); err == nil {
		t.Error("what is not YAML is read")
	}
}

func FuzzWorkflow(f *testing.F) {
	f.Add([]byte("on: {workflow_call: {secrets: {a: }}}\nx: ${{ secrets.A['b'] }}"))
	f.Fuzz(func(t *testing.T, data []byte) {
		names, _, err := parse(data)
		if err != nil && len(names) > 0 {
			t.Error("names of a broken file")
		}
		for _, n := range names {
			if n != strings.ToUpper(n) || n == "GITHUB_TOKEN" {
				t.Errorf("name %q", n)
			}
		}
	})
}

func FuzzNamed(f *testing.F) {
	f.Add([]byte("A: b\nC: null\nD: [1]\n? {x: y}\n: z\n<<: *a"))
	f.Add([]byte("&a {A: *a}"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if values, ok := named(data); ok != (values != nil) || len(values) > len(data) {
			t.Errorf("%v %v", values, ok)
		}
	})
}

func TestFolder(t *testing.T) {
	root := t.TempDir()
	folder := filepath.Join(root, ".github", "workflows")
	deep := filepath.Join(root, "a", "b")
	testkit.Must(t, os.MkdirAll(folder, 0o755))
	testkit.Must(t, os.MkdirAll(deep, 0o755))
	testkit.Equal(t, "from below", Folder(filepath.Join(deep, "deployment.json")), folder)
	testkit.Must(t, os.Mkdir(filepath.Join(root, "a", ".git"), 0o755))
	testkit.Equal(t, "of another repository", Folder(filepath.Join(deep, "deployment.json")), "")
	if _, err := Read(folder); err == nil || !strings.Contains(err.Error(), "has none") {
		t.Errorf("empty folder: %v", err)
	}
}

// TestSourcesInOrder: the environment wins over the encrypted file, which is read with a
// real age key, and a value is shown nowhere.
func TestSourcesInOrder(t *testing.T) {
	key := testkit.Try(age.GenerateX25519Identity())(t)
	path := filepath.Join(t.TempDir(), "secrets.enc.yaml")
	data := testkit.Try(secretstest.File{YAML: true, Recipients: []age.Recipient{key.Recipient()},
		Clear: "ONE: from-file\nTWO: file-two\nPORT: 0123\nDEEP: {X: y}\nNONE: null\nGH_TOKEN: from-file\n"}.Encrypt())(t)
	testkit.Must(t, os.WriteFile(path, data, 0o600))
	env := map[string]string{"ONE": "from-env", "GH_TOKEN": "operator", "AWS_ACCESS_KEY_ID": "AKIA", "AWS_VAULT": "tf-proxmox",
		"DOPPLER_PROJECT": "iac", "DOPPLER_CONFIG": "prd", "SOPS_AGE_KEY": key.String()}
	getenv := func(k string) string { return env[k] }
	s := Sources{Env: getenv, Reserved: []string{"GH_TOKEN"}}
	testkit.Must(t, s.Load(t.Context(), path, secrets.Options{Env: getenv}))
	for name, want := range map[string][2]string{
		"ONE": {"from-env", "doppler iac/prd"}, "TWO": {"file-two", "secrets.enc.yaml"}, "GH_TOKEN": {"from-file", "secrets.enc.yaml"},
		"AWS_ACCESS_KEY_ID": {"AKIA", "aws-vault tf-proxmox"}, "DEEP": {"", ""}, "NONE": {"", ""}, "OTHER": {"", ""},
	} {
		value, where := s.Find(name)
		testkit.Equal(t, name, value.Reveal()+" "+where, want[0]+" "+want[1])
	}
	testkit.Lacks(t, "printed", fmt.Sprintf("%v %+v %#v", s.values, s.values, s.values), "from-file", "file-two")
	delete(env, "DOPPLER_CONFIG")
	testkit.Equal(t, "without doppler", Environment(getenv, "ONE"), "environment")
	env["GITHUB_ACTIONS"] = "true"
	testkit.Equal(t, "in a workflow", Environment(getenv, "ONE"), "GitHub Actions")

	delete(env, "SOPS_AGE_KEY")
	if err := new(Sources).Load(t.Context(), path, secrets.Options{Env: getenv}); err == nil {
		t.Error("a file without its key reads as one without values")
	}
}
