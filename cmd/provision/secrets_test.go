package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"filippo.io/age"

	"syslog-gateway/internal/infra/pvesim"
	"syslog-gateway/internal/infra/secrets/github/githubtest"
	"syslog-gateway/internal/infra/secrets/secretstest"
	"syslog-gateway/internal/testkit"
)

// word is in every value of these tests.
const word = "5ec4e7-value"

// secretsWorld is a world with workflows that read five secrets, GitHub, and an age key.
func secretsWorld(t *testing.T) (*world, *githubtest.GitHub, *age.X25519Identity) {
	t.Helper()
	w, g := newWorld(t, pvesim.Options{}), githubtest.Start(t)
	w.mkdir(".github/workflows")
	w.Write(".github/workflows/plan.yml", "on: push\njobs:\n  plan:\n    env:\n      PROXMOX_VE_API_TOKEN: ${{ secrets.PROXMOX_VE_API_TOKEN }}\n"+
		"      K: ${{ secrets.PROXMOX_SSH_PRIVATE_KEY }} # ${{ secrets.NOT_THIS }}\n    steps: [{run: 'x ${{ secrets.GITHUB_TOKEN }}'}]\n")
	w.Write(".github/workflows/deploy.yaml", "jobs: {a: {env: {A: '${{ secrets.SPLUNK_HEC_TOKEN }}', B: '${{ secrets.proxmox_ve_api_token }}', C: '${{ secrets.GH_TOKEN }}'}}}\n")
	key := testkit.Try(age.GenerateX25519Identity())(t)
	for _, kv := range []string{"GITHUB_API_URL=" + g.URL, "GH_TOKEN=" + githubtest.Token, "PROXMOX_VE_API_TOKEN=ops@pve!ci=" + word, "SOPS_AGE_KEY=" + key.String()} {
		w.set(kv)
	}
	return w, g, key
}

// encrypt writes a file as SOPS does.
func (w *world) encrypt(name, clear string, key *age.X25519Identity) {
	w.T.Helper()
	data := testkit.Try(secretstest.File{YAML: true, Clear: clear, Recipients: []age.Recipient{key.Recipient()}}.Encrypt())(w.T)
	w.Write(name, string(data))
}

const sshKey = "-----BEGIN OPENSSH PRIVATE KEY-----\n" + word + "\n-----END OPENSSH PRIVATE KEY-----\n"

func TestSecretsToGitHub(t *testing.T) {
	t.Parallel()
	w, g, key := secretsWorld(t)
	w.set("DOPPLER_PROJECT=iac-conf-mgmt")
	w.set("DOPPLER_CONFIG=prd")
	quiet := func(a answer) answer {
		t.Helper()
		testkit.Lacks(t, "what is printed", a.out+a.errs, word, githubtest.Token, "SECRET-KEY")
		return a
	}
	got := quiet(w.expect(0, []string{"SPLUNK_HEC_TOKEN", "doppler iac-conf-mgmt/prd", "deploy.yaml, plan.yml"}, "secrets", "list"))
	testkit.Lacks(t, "list", got.out, "NOT_THIS", "GITHUB_TOKEN")
	quiet(w.expect(1, []string{"missing: GH_TOKEN, PROXMOX_SSH_PRIVATE_KEY, SPLUNK_HEC_TOKEN; run this under `doppler run --`"}, "secrets", "check"))
	requests, _ := g.Seen()
	testkit.Equal(t, "requests without --github", len(requests), 0)

	quiet(w.expect(1, []string{"missing here and in GitHub: GH_TOKEN, PROXMOX_SSH_PRIVATE_KEY, SPLUNK_HEC_TOKEN; nothing was set"}, "secrets", "sync", "--github", "owner/estate", "--yes"))
	w.encrypt("secrets.enc.yaml", "PROXMOX_SSH_PRIVATE_KEY: "+fmt.Sprintf("%q", sshKey)+"\nPROXMOX_VE_API_TOKEN: older\nUNUSED: "+word+"\n", key)
	g.Put("GH_TOKEN", "kept")
	g.Share("SPLUNK_HEC_TOKEN")
	quiet(w.expect(1, []string{"Type yes to set", "nothing was done"}, "secrets", "sync", "--github", "owner/estate"))
	quiet(w.expect(0, []string{"GitHub: set", "2 secrets set in owner/estate."}, "secrets", "sync", "--github", "owner/estate", "--yes"))
	testkit.Equal(t, "values in GitHub", fmt.Sprint(g.Values()), fmt.Sprint(map[string]string{
		"GH_TOKEN": "kept", "PROXMOX_SSH_PRIVATE_KEY": sshKey, "PROXMOX_VE_API_TOKEN": "ops@pve!ci=" + word}))
	quiet(w.expect(0, []string{"GitHub: set"}, "secrets", "check", "--github", "owner/estate"))
	g.Share()
	quiet(w.expect(1, []string{"missing: SPLUNK_HEC_TOKEN; `provision secrets sync --github owner/estate` sets them"}, "secrets", "check", "--github", "owner/estate"))

	w.set("SPLUNK_HEC_TOKEN=" + word)
	var all []struct{ Name, State, Where, GitHub string }
	testkit.Must(t, json.Unmarshal([]byte(quiet(w.expect(0, nil, "secrets", "sync", "--github", "owner/estate", "--yes", "--json", "--only", "splunk_hec_token")).out), &all))
	testkit.Equal(t, "report", fmt.Sprint(all), "[{SPLUNK_HEC_TOKEN found doppler iac-conf-mgmt/prd set}]")
	quiet(w.expect(1, []string{"--only NOBODY: no workflow reads"}, "secrets", "sync", "--github", "owner/estate", "--only", "NOBODY"))

	// Nothing of it is on the disk.
	testkit.Must(t, filepath.WalkDir(w.Dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			data, readErr := os.ReadFile(path)
			if readErr != nil || strings.Contains(string(data), word) || strings.Contains(string(data), githubtest.Token) {
				t.Errorf("%s holds a value, or cannot be read: %v", path, readErr)
			}
		}
		return err
	}))
}

// TestSecretsBadInput: one sentence, nothing is set.
func TestSecretsBadInput(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		spoil func(w *world, g *githubtest.GitHub)
		says  string
	}{
		{"no token", func(w *world, _ *githubtest.GitHub) { w.set("GH_TOKEN=") }, "set GH_TOKEN or GITHUB_TOKEN"},
		{"wrong token", func(w *world, _ *githubtest.GitHub) { w.set("GH_TOKEN=ghp_" + word) }, "the token is wrong, or has expired"},
		{"a token that may only read", func(_ *world, g *githubtest.GitHub) {
			g.Refuse("PUT", "_TOKEN", http.StatusForbidden, "Resource not accessible by personal access token")
		}, "nothing was set: set the secret GH_TOKEN of owner/estate: GitHub answers 403"},
		{"a token without rights", func(_ *world, g *githubtest.GitHub) {
			g.Refuse("GET", "/secrets", http.StatusForbidden, "Resource not accessible by personal access token")
		}, "Secrets (read and write) for this repository"},
		{"a token that cannot read the key", func(_ *world, g *githubtest.GitHub) {
			g.Refuse("GET", "/public-key", http.StatusNotFound, "Not Found")
		}, "the token may not see it"},
		{"a file that cannot be decrypted", func(w *world, _ *githubtest.GitHub) { w.set("SOPS_AGE_KEY=") }, "secrets.enc.yaml"},
		{"a workflow that is not YAML", func(w *world, _ *githubtest.GitHub) { w.Write(".github/workflows/x.yml", "a: [") }, "x.yml: it is not YAML"},
		{"no workflows", func(w *world, _ *githubtest.GitHub) { testkit.Must(w.T, os.RemoveAll(w.Path(".github"))) }, "name the folder with --workflows"},
		{"a session's keys", func(w *world, _ *githubtest.GitHub) {
			w.Write(".github/workflows/x.yml", "x: ${{ secrets.AWS_SECRET_ACCESS_KEY }}")
			for _, kv := range []string{"AWS_SECRET_ACCESS_KEY=" + word, "AWS_SESSION_TOKEN=" + word, "AWS_VAULT=tf-proxmox"} {
				w.set(kv)
			}
		}, "AWS_SECRET_ACCESS_KEY: these are of a session of aws-vault"},
		{"a value that is too long", func(w *world, _ *githubtest.GitHub) { w.set("SPLUNK_HEC_TOKEN=" + strings.Repeat("x", 48<<10+1)) }, "longer than the 48 KiB"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w, g, key := secretsWorld(t)
			w.encrypt("secrets.enc.yaml", "GH_TOKEN: "+word+"\nPROXMOX_SSH_PRIVATE_KEY: "+word+"\nSPLUNK_HEC_TOKEN: "+word+"\n", key)
			g.Put("GH_TOKEN", "kept")
			c.spoil(w, g)
			got := w.expect(1, []string{c.says}, "secrets", "sync", "--github", "owner/estate", "--yes")
			testkit.Equal(t, "lines of the error", strings.Count(strings.TrimSpace(got.errs), "\n"), 0)
			testkit.Lacks(t, "what is printed", got.out+got.errs, word, githubtest.Token)
			testkit.Equal(t, "values in GitHub", fmt.Sprint(g.Values()), "map[GH_TOKEN:kept]")
		})
	}
	t.Run("a token that ends in the middle", func(t *testing.T) {
		t.Parallel()
		w, g, key := secretsWorld(t)
		w.encrypt("secrets.enc.yaml", "GH_TOKEN: "+word+"\nPROXMOX_SSH_PRIVATE_KEY: "+word+"\nSPLUNK_HEC_TOKEN: "+word+"\n", key)
		g.Refuse("PUT", "/SPLUNK_HEC_TOKEN", http.StatusUnauthorized, "Bad credentials")
		w.expect(1, []string{"set GH_TOKEN, PROXMOX_SSH_PRIVATE_KEY, PROXMOX_VE_API_TOKEN, and no more: set the secret SPLUNK_HEC_TOKEN of owner/estate: GitHub answers 401", "run it again"},
			"secrets", "sync", "--github", "owner/estate", "--yes")
		testkit.Equal(t, "number of values", len(g.Values()), 3)
		g.Fault(func(_ http.ResponseWriter, r *http.Request) bool {
			if r.Method == http.MethodPut {
				panic(http.ErrAbortHandler) // the answer is lost
			}
			return false
		})
		w.expect(1, []string{"nothing was set, unless GH_TOKEN is all the same: set the secret GH_TOKEN of owner/estate: no answer", "run it again"},
			"secrets", "sync", "--github", "owner/estate", "--yes")
		g.Fault(nil)
		w.expect(0, []string{"4 secrets set"}, "secrets", "sync", "--github", "owner/estate", "--yes")
	})
	w, _, _ := secretsWorld(t)
	w.expect(2, []string{"github"}, "secrets", "sync")
	w.expect(1, []string{"write OWNER/REPO"}, "secrets", "sync", "--github", "estate", "--yes")
}

// TestEnvNamesWhoSetIt: each found variable and secret has its origin, without its value.
func TestEnvNamesWhoSetIt(t *testing.T) {
	w := beside(t)
	for _, kv := range []string{"DOPPLER_PROJECT=iac", "DOPPLER_CONFIG=prd", "AWS_VAULT=tf-proxmox", "AWS_ACCESS_KEY_ID=AKIA" + word} {
		w.set(kv)
	}
	got := w.expect(0, []string{"doppler iac/prd", "aws-vault tf-proxmox"}, "env")
	testkit.Lacks(t, "env", got.out+got.errs, word)
	var all []struct{ Name, Where string }
	testkit.Must(t, json.Unmarshal([]byte(w.expect(0, nil, "env", "--json").out), &all))
	for _, f := range all {
		if f.Name == "AWS_ACCESS_KEY_ID" {
			testkit.Equal(t, f.Name, f.Where, "aws-vault tf-proxmox")
		}
	}

	// What SOPS has encrypted is named by its file, without the key to it.
	key := testkit.Try(age.GenerateX25519Identity())(t)
	clear := `{"proxmox_ssh_private_key": "` + word + `", "dns_plugins": {"aws": {"plugin_type": "aws", "data": {"AWS_ACCESS_KEY_ID": "` + word + `"}}}}`
	w.Write("terraform.sops.json", string(testkit.Try(secretstest.File{Clear: clear, Recipients: []age.Recipient{key.Recipient()}}.Encrypt())(t)))
	got = w.expect(0, nil, "env", "--json")
	testkit.Lacks(t, "env", got.out+got.errs, word)
	testkit.Must(t, json.Unmarshal([]byte(got.out), &all))
	var encrypted []string
	for _, f := range all {
		if f.Where == "terraform.sops.json" {
			encrypted = append(encrypted, f.Name)
		}
	}
	testkit.Equal(t, "encrypted", strings.Join(encrypted, " "), "dns_plugins proxmox_ssh_private_key")
	w.Write("terraform.sops.json", "{")
	w.expect(1, []string{"terraform.sops.json is no JSON object"}, "env")
}
