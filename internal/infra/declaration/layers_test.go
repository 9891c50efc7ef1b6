package declaration

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"filippo.io/age"
	"go.yaml.in/yaml/v3"

	"syslog-gateway/internal/infra/declaration/reader"
	"syslog-gateway/internal/infra/secrets/secretstest"
	"syslog-gateway/internal/testkit"
)

const (
	publicKey  = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIG+qPZ7rcFHFlbQusZUwWflYtzotHhI4C8aWcrl9Us2j operator@example.com"
	privateKey = "-----BEGIN OPENSSH PRIVATE KEY-----\nc2VjcmV0LXdvcmQ=\n-----END OPENSSH PRIVATE KEY-----"
)

// encrypted puts a SOPS file beside the declaration, and its key into the environment.
func encrypted(t *testing.T, o Options, clear string) Options {
	t.Helper()
	key := testkit.Try(age.GenerateX25519Identity())(t)
	data := testkit.Try(secretstest.File{Clear: clear, Recipients: []age.Recipient{key.Recipient()}}.Encrypt())(t)
	put(t, filepath.Join(filepath.Dir(o.Deployment), "terraform.sops.json"), string(data))
	return with(o, "SOPS_AGE_KEY", key.String())
}

// With sets variables on top of those that are set.
func with(o Options, pairs ...string) Options {
	before := o.Env
	o.Env = func(name string) string {
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i] == name {
				return pairs[i+1]
			}
		}
		if before == nil {
			return ""
		}
		return before(name)
	}
	return o
}

func put(t *testing.T, path, text string) string {
	t.Helper()
	testkit.Must(t, os.MkdirAll(filepath.Dir(path), 0o700))
	testkit.Must(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

func mustLoad(t *testing.T, o Options) *Estate {
	t.Helper()
	return testkit.Try(Load(t.Context(), o))(t)
}

func TestLaterLayersWin(t *testing.T) {
	o := withText(t, `{"_comment": "x", "domain": "open.example.com", "network_prefix": "10.1.2", "proxmox_node": "file", "proxmox_ssh_username": "file"}`)
	e := mustLoad(t, o)
	if e.Domain != "open.example.com" || e.Node != "file" || e.SSH.User != "file" || e.Network.Prefix != "10.1.2" {
		t.Errorf("file alone: %+v", e)
	}
	put(t, filepath.Join(o.Home, "vm.pub"), publicKey+"\n")
	o = encrypted(t, o, `{"domain": "example.com", "network_prefix": "10.7.7", "vm_ssh_public_key_path": "~/vm.pub",
		"vm_ssh_private_key_path": "~/vm", "proxmox_ssh_username": "sops"}`)
	e = mustLoad(t, o)
	if e.Domain != "example.com" || e.Node != "file" || e.SSH.User != "sops" || e.Network.Gateway.String() != "10.7.7.1" || e.SSH.GuestPublicKey != publicKey {
		t.Errorf("with the SOPS file: %+v", e)
	}
	o = with(o, "PROXMOX_VE_NODE", "env", "PROXMOX_SSH_USERNAME", "env", "PROXMOX_SSH_PRIVATE_KEY", privateKey)
	e = mustLoad(t, o)
	if e.Node != "env" || e.SSH.User != "env" || string(e.SSH.PrivateKey) != privateKey+"\n" || e.SSH.GuestKeyPath != filepath.Join(o.Home, "vm") {
		t.Errorf("with the environment: %+v", e)
	}
}

func TestNullLeavesTheLayerBelow(t *testing.T) {
	o := withText(t, `{"network_prefix": "10.1.2", "domain": "open.example.com"}`)
	if e := mustLoad(t, encrypted(t, o, `{"domain": null}`)); e.Domain != "open.example.com" {
		t.Errorf("domain is %q", e.Domain)
	}
}

func TestSOPSFile(t *testing.T) {
	const deployment = `{"network_prefix": "10.1.2"}`
	for name, c := range map[string]struct {
		make func(*testing.T, Options) Options
		want string
	}{
		"without key": {func(t *testing.T, o Options) Options {
			return with(encrypted(t, o, `{"domain": "x.org"}`), "SOPS_AGE_KEY", "")
		}, "none of the 0 keys found"},
		"empty": {func(t *testing.T, o Options) Options {
			put(t, filepath.Join(filepath.Dir(o.Deployment), "terraform.sops.json"), "")
			return o
		}, "the file is empty"},
		"in clear": {func(t *testing.T, o Options) Options {
			put(t, filepath.Join(filepath.Dir(o.Deployment), "terraform.sops.json"), `{"domain": "secret-word.org"}`)
			return o
		}, "it is not encrypted"},
		"a dangling link": {func(t *testing.T, o Options) Options {
			testkit.Must(t, os.Symlink("nowhere", filepath.Join(filepath.Dir(o.Deployment), "terraform.sops.json")))
			return o
		}, "no such file"},
		"named and absent": {func(_ *testing.T, o Options) Options {
			o.SOPS = "/nonexistent/terraform.sops.json"
			return o
		}, "no such file"},
		"unknown key":  {func(t *testing.T, o Options) Options { return encrypted(t, o, `{"domian": "secret-word.org"}`) }, "did you mean domain?"},
		"wrong type":   {func(t *testing.T, o Options) Options { return encrypted(t, o, `{"domain": 5}`) }, "$.domain: is a number"},
		"wrong prefix": {func(t *testing.T, o Options) Options { return encrypted(t, o, `{"network_prefix": "secret-word"}`) }, "the value (not shown) is not the first three octets"},
		"out of range": {func(t *testing.T, o Options) Options { return encrypted(t, o, `{"splunk_vm_id": 99999}`) }, "the value (not shown) is out of range"},
	} {
		t.Run(name, func(t *testing.T) {
			o := c.make(t, withText(t, deployment))
			_, err := Load(t.Context(), o)
			var ps Problems
			if !errors.As(err, &ps) || len(ps) != 1 || !strings.Contains(err.Error(), c.want) || !strings.HasSuffix(ps[0].File, "terraform.sops.json") {
				t.Fatalf("error is %v; want %q", err, c.want)
			}
			if strings.Contains(err.Error(), "secret-word") || strings.Contains(err.Error(), "99999") {
				t.Errorf("the error shows an encrypted value: %v", err)
			}
		})
	}
}

func TestEncryptedPrefixIsNotShown(t *testing.T) {
	o := encrypted(t, withText(t, `{"containers": {"a": {"vm_id": 101, "hostname": "a"}, "b": {"vm_id": 300, "hostname": "b"},
		"c": {"vm_id": 102, "hostname": "c", "gateway": "10.9.9.1"}}}`), `{"network_prefix": "10.77.77"}`)
	settings, err := Explain(t.Context(), o)
	testkit.Fails(t, err, "<network_prefix>.102/24 is not in the network of its gateway")
	if all := fmt.Sprint(settings, err); strings.Contains(all, "10.77") || !strings.Contains(all, `"<network_prefix>.101/24"`) {
		t.Errorf("got %s", all)
	}
}

// TestEncryptedGuestsAreNotShown has all that can be wrong with a guest in the SOPS
// file: problems name the place, not the value.
func TestEncryptedGuestsAreNotShown(t *testing.T) {
	o := encrypted(t, withText(t, `{"network_prefix": "10.1.2", "vms": {"v": {"vm_id": 143, "name": "Secret-name"}}}`), `{"containers": {
		"a": {"vm_id": 143, "hostname": "secret-name", "tags": ["Secret-tag", "secret-twice", "secret-twice"], "pool_id": "secret-pool", "ip": "10.7.43.1"},
		"b": {"vm_id": 144, "hostname": "secret host", "ip": "10.7.43.1", "nameservers": ["secret-dns"], "startup": "secret-tier",
			"mount_points": [{"volume": "secret-tank", "size": "43G", "path": "/secret"}, {"volume": "secret-tank", "size": "4.3G", "path": "/secret"}]},
		"c": {"vm_id": 4300, "hostname": "secret-c"}},
		"acme_certificates": {"x": {"node_name": "pve", "domain": "secret-org", "account_id": "secret-account", "dns_plugin_id": "secret-plugin"}}}`)
	settings, err := Explain(t.Context(), o)
	var ps Problems
	if !errors.As(err, &ps) || len(ps) < 12 {
		t.Fatalf("problems are %v", err)
	}
	for _, p := range ps {
		// The name of the test's folder has digits of its own.
		if text := strings.ToLower(strings.ReplaceAll(p.What+p.Fix, filepath.Dir(o.Deployment), "")); strings.Contains(text, "secret") || strings.Contains(text, "43") {
			t.Errorf("a problem shows an encrypted value: %v", p)
		}
	}
	for _, s := range settings {
		if strings.HasPrefix(s.Path, "$.containers") && strings.Contains(s.Value, "secret-") {
			t.Errorf("an encrypted value is shown: %+v", s)
		}
	}
}

func TestSSHKeys(t *testing.T) {
	o := withText(t, `{"network_prefix": "10.1.2"}`)
	path := put(t, filepath.Join(o.Home, "key"), privateKey+"\n")
	public := put(t, filepath.Join(o.Home, "key.pub"), publicKey+"\n")
	for name, c := range map[string]struct {
		pairs []string
		want  string // error; "" for the key
	}{
		"content":           {[]string{"PROXMOX_SSH_PRIVATE_KEY", privateKey}, ""},
		"path":              {[]string{"PROXMOX_SSH_KEY_PATH", path}, ""},
		"path from home":    {[]string{"PROXMOX_SSH_KEY_PATH", "~/key"}, ""},
		"path as content":   {[]string{"PROXMOX_SSH_PRIVATE_KEY", path}, ""},
		"content wins":      {[]string{"PROXMOX_SSH_KEY_PATH", "/nonexistent", "PROXMOX_SSH_PRIVATE_KEY", privateKey}, ""},
		"the public half":   {[]string{"PROXMOX_SSH_KEY_PATH", public}, "does not hold a private key"},
		"neither":           {[]string{"PROXMOX_SSH_PRIVATE_KEY", "secret-word"}, "is neither a private key"},
		"node is not valid": {[]string{"PROXMOX_VE_NODE", "a b"}, "environment PROXMOX_VE_NODE: $.proxmox_node"},
	} {
		t.Run(name, func(t *testing.T) {
			e, err := Load(t.Context(), with(o, c.pairs...))
			if c.want != "" {
				if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "secret-word") {
					t.Errorf("error is %v; want %q", err, c.want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if string(e.SSH.PrivateKey) != privateKey+"\n" {
				t.Errorf("key is %q", string(e.SSH.PrivateKey))
			}
		})
	}
	if e := mustLoad(t, o); e.SSH.PrivateKey != "" || e.SSH.GuestPublicKey != "" || !strings.Contains(e.Notes.Error(), "cannot be entered by SSH") {
		t.Errorf("without keys: %+v, notes %v", e.SSH, e.Notes)
	}
	put(t, filepath.Join(o.Home, ".ssh", "id_rsa"), privateKey+"\n")
	put(t, filepath.Join(o.Home, ".ssh", "id_rsa_vm.pub"), publicKey+"\n")
	if e := mustLoad(t, o); e.SSH.PrivateKey == "" || e.SSH.GuestPublicKey != publicKey || len(e.Notes) != 0 {
		t.Errorf("default keys: %+v, notes %v", e.SSH, e.Notes)
	}
}

func TestExplain(t *testing.T) {
	o := withText(t, `{
  "network_prefix": "10.1.2",
  "containers": {
    "a": {"vm_id": 101, "hostname": "a", "user_account": {"username": "root", "password": "secret-word", "keys": []},
          "tags": ["haproxy"]}
  },
  "dns_plugins": {"r53": {"plugin_type": "aws", "data": {"AWS_SECRET_ACCESS_KEY": "secret-word"}}}
}`)
	o = with(encrypted(t, o, `{"domain": "example.com"}`), "PROXMOX_VE_NODE", "pve3", "PROXMOX_SSH_PRIVATE_KEY", privateKey)
	settings := testkit.Try(Explain(t.Context(), o))(t)
	byPath := make(map[string]Setting)
	for _, s := range settings {
		byPath[s.Path] = s
	}
	at := func(line int) string { return fmt.Sprintf("%s:%d", o.Deployment, line) }
	for path, want := range map[string][2]string{
		"$.network_prefix":                            {`"10.1.2"`, at(2)},
		"$.environment":                               {`"homelab"`, "default"},
		"$.proxmox_node":                              {`"pve3"`, "environment PROXMOX_VE_NODE"},
		"$.proxmox_ssh_private_key":                   {reader.HiddenText, "environment PROXMOX_SSH_PRIVATE_KEY"},
		"$.domain":                                    {reader.HiddenText, filepath.Join(filepath.Dir(o.Deployment), "terraform.sops.json")},
		"$.containers.a.vm_id":                        {"101", at(4)},
		"$.containers.a.cpu_cores":                    {"2", "default"},
		"$.containers.a.user_account.password":        {reader.HiddenText, at(4)},
		"$.containers.a.tags":                         {`["haproxy"]`, at(5)},
		"$.containers.a.address":                      {`"10.1.2.101/24"`, "derived from network_prefix and vm_id"},
		"$.containers.a.startup":                      {"order=155,up=30", "derived from vm_id"},
		"$.containers.a.firewall_class":               {`"pipeline"`, "derived from tags"},
		"$.containers.a.root_disk.size":               {"16", "default"},
		"$.containers.a.network_interfaces[0].bridge": {`"vmbr0"`, "default"},
	} {
		if got := byPath[path]; got.Value != want[0] || got.From != want[1] {
			t.Errorf("%s is %+v, want %v", path, got, want)
		}
	}
	all := fmt.Sprintf("%+v", settings)
	if strings.Contains(all, "secret-word") || strings.Contains(all, "c2VjcmV0") {
		t.Errorf("a secret is shown: %s", all)
	}
	e := mustLoad(t, o)
	if text := fmt.Sprintf("%v %+v %#v", e.SSH, e.Extra, e.Containers); strings.Contains(text, "secret-word") || strings.Contains(text, "c2VjcmV0") {
		t.Errorf("the estate prints a secret: %s", text)
	}
	if !strings.Contains(e.Notes.Error(), "a password is in clear text") || !strings.Contains(e.Notes.Error(), "a credential is in clear text") || strings.Contains(e.Notes.Error(), "secret-word") {
		t.Errorf("notes: %v", e.Notes)
	}
}

func TestAllProblemsAtOnceWithTheirLines(t *testing.T) {
	o := withText(t, `{
  "network_prefix": "10.1.2",
  "contaners": {},
  "containers": {
    "a": {"vm_id": 101, "hostname": "a b",
          "cpu_cores": 64},
    "b": {"vm_id": 101, "hostname": "b"}
  }
}`)
	_, err := Load(t.Context(), o)
	var got []string
	var ps Problems
	if errors.As(err, &ps) {
		for _, p := range ps {
			got = append(got, fmt.Sprintf("%d %s", p.Line, p.Path))
		}
	}
	want := "3 $.contaners, 5 $.containers.a.hostname, 6 $.containers.a.cpu_cores, 7 $.containers.b.vm_id"
	if strings.Join(got, ", ") != want {
		t.Errorf("got %s\n%v", strings.Join(got, ", "), err)
	}
}

// TestWhatHadNoEffect: keys that old declarations may have load, with a note.
func TestWhatHadNoEffect(t *testing.T) {
	o := withText(t, `{"network_prefix": "10.1.2", "ssh_public_key": "`+publicKey+`", "ansible_cloud_init_file": "cloud-init/x.yml",
		"containers": {"a": {"vm_id": 101, "hostname": "a", "ip_config": {"ipv4_address": "x"}, "start_on_boot": false, "user_account": {"username": "debian", "password": "", "keys": []}}},
		"vms": {"b": {"vm_id": 102, "name": "b", "boot_disk": {"datastore_id": "local-zfs"}, "ip_config": {}, "cloud_init_user_data": "x"}},
		"datastores": {"tank": {"type": "zfspool", "path": "/x", "shared": false, "nodes": ["pve"], "server": null}}}`)
	e := mustLoad(t, o)
	var got []string
	for _, n := range e.Notes {
		got = append(got, n.Path)
	}
	const want = "$.containers.a.ip_config $.containers.a.user_account.username $.vms.b.cloud_init_user_data $.vms.b.ip_config $.datastores"
	if strings.Join(got, " ") != want {
		t.Errorf("notes are %v", e.Notes)
	}
	if e.Containers[0].OnBoot || e.Datastores[0].Type != "zfspool" || len(e.Datastores[0].Content) != 4 {
		t.Errorf("%+v %+v", e.Containers[0], e.Datastores)
	}
}

func TestMixedStartOrdersAreNoted(t *testing.T) {
	o := withText(t, `{"network_prefix": "10.1.2", "ssh_public_key": "`+publicKey+`", "containers": {
		"a": {"vm_id": 101, "hostname": "a", "startup": "dns"}, "b": {"vm_id": 102, "hostname": "b"}}}`)
	if e := mustLoad(t, o); len(e.Notes) != 1 || !strings.Contains(e.Notes[0].What, "1 guests start by tier, 1 in the order 256 - VMID") {
		t.Errorf("notes are %v", e.Notes)
	}
}

func TestSplunkUserData(t *testing.T) {
	for _, domain := range []string{"", "example.com"} {
		text := cloudConfig("splunk-aio", domain, "")
		var doc struct {
			Hostname string `yaml:"hostname"`
			FQDN     string `yaml:"fqdn"`
			Manage   bool   `yaml:"manage_etc_hosts"`
			Run      []any  `yaml:"runcmd"`
		}
		testkit.Must(t, yaml.Unmarshal([]byte(text), &doc))
		for i, c := range doc.Run {
			if _, ok := c.(string); !ok {
				t.Errorf("command %d is a %T: cloud-init would not run it in a shell", i, c)
			}
		}
		if !strings.HasPrefix(text, "#cloud-config\n") || doc.Hostname != "splunk-aio" || len(doc.Run) != 8 || doc.Manage != (domain != "") || (doc.FQDN == "splunk-aio.example.com") != (domain != "") {
			t.Errorf("got %+v of\n%s", doc, text)
		}
	}
}

func TestCancelledLoad(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if e, err := Load(ctx, withText(t, `{"network_prefix": "10.1.2"}`)); e != nil || !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, %v", e, err)
	}
}

func TestExtraOfASoundDeclaration(t *testing.T) {
	o := withText(t, `{"network_prefix": "10.1.2", "ssh_public_key": "`+publicKey+`",
		"acme_accounts": {"default": {"email": "a@example.com", "directory": "https://acme.example/directory", "tos": "https://acme.example/tos"}},
		"dns_plugins": {"aws": {"plugin_type": "aws", "data": {"AWS_SECRET_ACCESS_KEY": "secret-word"}}},
		"acme_certificates": {"pve": {"node_name": "pve", "domain": "pve.example.com", "account_id": "default", "dns_plugin_id": "aws"}},
		"vms": {"v": {"vm_id": 101, "name": "v", "boot_disk": {"datastore_id": "tank"}, "cdrom_file_id": "local:iso/x.iso"}}}`)
	e := mustLoad(t, o)
	x := e.Extra
	if len(x.ACMEAccounts) != 1 || len(x.ACMECertificates) != 1 || string(x.DNSPlugins[0].Data["AWS_SECRET_ACCESS_KEY"]) != "secret-word" || e.VMs[0].CDROM != "local:iso/x.iso" {
		t.Errorf("%+v, %+v", x, e.VMs)
	}
	if text, err := json.Marshal(e); err != nil || strings.Contains(string(text), "secret-word") {
		t.Errorf("as JSON: %s, %v", text, err)
	}
	testkit.Holds(t, "notes", e.Notes.Error(), "register ACME accounts")
}
