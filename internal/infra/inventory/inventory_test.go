package inventory

import (
	"bytes"
	"encoding/json"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"syslog-gateway/internal/infra/declaration"
	"syslog-gateway/internal/testkit"
)

func guest(key string, vmid int, pool string, tags ...string) declaration.Guest {
	return declaration.Guest{
		Key: key, VMID: vmid, Name: key, Node: "pve", Pool: pool, Tags: append(tags, "homelab"), Domain: "lab.example",
		Address: declaration.Address{CIDR: netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 20, 30, byte(vmid)}), 24)},
	}
}

// small is an estate with one of each: an LXC that its key makes part of the contract,
// a gateway, a Docker host and Splunk.
func small() *declaration.Estate {
	docker := declaration.VM{Guest: guest("docker-host", 250, "logging", "terraform", "docker", "logging"), User: "debian"}
	docker.Name = "docker"
	splunk := &declaration.VM{Guest: guest("splunk", 200, "logging", "terraform", "splunk", "docker"), User: "debian"}
	splunk.Name = "splunk-aio"
	return &declaration.Estate{
		Node: "pve", Environment: "homelab", Domain: "lab.example",
		Containers: []declaration.Container{
			{Guest: guest("minio", 107, "infrastructure", "terraform", "container", "minio", "storage")},
			{Guest: guest("syslog-gateway-01", 175, "logging", "terraform", "container", "syslog-gateway", "pipeline")},
		},
		VMs:    []declaration.VM{docker},
		Splunk: splunk,
		HostServices: json.RawMessage(`{"nas":{"zfs_dataset":"rpool/data/nas","zfs_quota":"1T","mount_point":"/mnt/nas",
			"smb_share_name":"nas","directories":["media"]}}`),
	}
}

func build(t *testing.T, e *declaration.Estate) *Inventory {
	t.Helper()
	return testkit.Try(Build(e))(t)
}

func document(t *testing.T, e *declaration.Estate) []byte {
	t.Helper()
	return testkit.Try(build(t, e).JSON())(t)
}

func TestDocumentEqualsGolden(t *testing.T) {
	want := testkit.Try(os.ReadFile("testdata/small.json"))(t)
	differences(t, want, document(t, small()))
}

func differences(t *testing.T, want, got []byte) {
	t.Helper()
	changes := testkit.Try(Diff(want, got))(t)
	for _, c := range changes {
		t.Error(c)
	}
}

func TestDocumentIsOneLineWithSortedKeys(t *testing.T) {
	text := document(t, small())
	if n := bytes.Count(text, []byte("\n")); n != 1 || text[len(text)-1] != '\n' {
		t.Errorf("%d line ends, the last byte is %q", n, text[len(text)-1])
	}
	var again any
	testkit.Must(t, json.Unmarshal(text, &again))
	sorted := testkit.Try(json.Marshal(again))(t) // sorts on every level
	if string(sorted)+"\n" != string(text) {
		t.Errorf("keys are not sorted:\n%s%s", text, sorted)
	}
}

func TestYAMLMeansTheSame(t *testing.T) {
	text := testkit.Try(build(t, small()).YAML())(t)
	var doc any
	testkit.Must(t, yaml.Unmarshal(text, &doc))
	back := testkit.Try(json.Marshal(doc))(t)
	differences(t, document(t, small()), back)
}

func TestWhatIsUnsetIsLeftOut(t *testing.T) {
	for name, raw := range map[string]string{"no services": "", "null": "null", "nas null": `{"nas":null}`} {
		e := small()
		e.HostServices = json.RawMessage(raw)
		e.Containers[0].Pool = ""
		e.Containers[0].Tags = nil
		e.Domain = ""
		e.Splunk = nil
		text := document(t, e)
		testkit.Holds(t, name, string(text), `"host_services":{}`, `"splunk_vm":{}`, `"domain":""`, `"tags":[]`)
		if minio := build(t, e).Containers["minio"]; minio.PoolID != "" || strings.Contains(string(text), `"pool_id":""`) {
			t.Errorf("%s: an empty pool shows", name)
		}
	}
}

func TestNameStandsForAddressOfDHCP(t *testing.T) {
	e := small()
	e.Containers[0].Address = declaration.Address{DHCP: true}
	testkit.Equal(t, "ip", build(t, e).Containers["minio"].IP, "minio.lab.example")
	e.Containers[0].Domain = ""
	testkit.Equal(t, "ip", build(t, e).Containers["minio"].IP, "minio")
	if wrong, err := Check(document(t, e)); err != nil || len(wrong) > 0 {
		t.Errorf("%v %v", wrong, err)
	}
}

func TestOneNameSpaceOfKeys(t *testing.T) {
	both := small()
	both.VMs[0].Key = "minio"
	splunk := small()
	splunk.Containers[0].Key = "splunk"
	for _, e := range []*declaration.Estate{both, splunk} {
		testkit.Fails(t, testkit.Err(Build(e)), "rename")
	}
	wrong := small()
	wrong.HostServices = json.RawMessage(`[1]`)
	if _, err := Build(wrong); err == nil {
		t.Error("a list is taken for services")
	}
}

func TestFingerprintSeesTheDeclarationAndNoSecret(t *testing.T) {
	print := func(change func(*declaration.Estate)) string {
		e := small()
		change(e)
		return testkit.Try(Fingerprint(e))(t)
	}
	base := print(func(*declaration.Estate) {})
	if !strings.HasPrefix(base, "sha256:") || len(base) != 71 {
		t.Errorf("fingerprint %q", base)
	}
	if same := print(func(e *declaration.Estate) { e.SSH.PrivateKey = "secret"; e.VMs[0].Password = "" }); same != base {
		t.Error("a key changes it")
	}
	if other := print(func(e *declaration.Estate) { e.Containers[0].Memory++ }); other == base {
		t.Error("memory does not change it")
	}
}

// The estate of the replaced repository, as its own output was: set PVE_REFERENCE to
// the folder that has inventory/full.json.
func TestEqualsTheReferenceInMeaning(t *testing.T) {
	folder := os.Getenv("PVE_REFERENCE")
	if folder == "" {
		t.Log("PVE_REFERENCE is not set: only the goldens of this repository are compared")
		return
	}
	for estate, file := range map[string]string{"full": "full.json", "small": "example.json"} {
		want := testkit.Try(os.ReadFile(filepath.Join(folder, "inventory", file)))(t)
		differences(t, want, document(t, load(t, estate)))
	}
}

// load is one of the estates that package declaration is tested with.
func load(t *testing.T, name string) *declaration.Estate {
	t.Helper()
	e := testkit.Try(declaration.Load(t.Context(), declaration.Options{
		Deployment: filepath.Join("..", "declaration", "testdata", name, "deployment.json"),
		Env:        func(string) string { return "" },
	}))(t)
	return e
}

func TestGroupsAndVariables(t *testing.T) {
	inv := build(t, small())
	groups := make(map[string][]string)
	for _, g := range inv.groups() {
		groups[g.name] = g.hosts
	}
	want := map[string][]string{
		"lxc_containers": {"minio", "syslog-gateway-01"}, "vms": {"docker-host"}, "docker_vms": {"docker-host"},
		"splunk_vms": {"splunk"}, "splunk_group": {"splunk"}, "minio_group": {"minio"},
		"syslog_gateway_group": {"syslog-gateway-01"}, "pool_infrastructure": {"minio"},
		"pool_logging": {"docker-host", "syslog-gateway-01"},
	}
	if !reflect.DeepEqual(groups, want) {
		t.Errorf("groups %v\nwant   %v", groups, want)
	}
	vars := inv.hosts(AnsibleOptions{NodeHost: "pve.lab.example"})["syslog-gateway-01"]
	for name, want := range map[string]any{
		"ansible_host": "10.20.30.175", "container_ip": "10.20.30.175", "ansible_paramiko_host": "pve.lab.example",
		"proxmox_vmid": 175, "ansible_pct_vmid": 175, "pool_id": "logging", "ansible_user": "root",
	} {
		if vars[name] != want {
			t.Errorf("%s is %v, want %v", name, vars[name], want)
		}
	}
	testkit.Equal(t, "group", poolGroup("a b-c.ü"), "pool_a_b_c__")
}

func TestHostAnswersOneHost(t *testing.T) {
	inv := build(t, small())
	list := testkit.Try(inv.List(AnsibleOptions{}))(t)
	var doc struct {
		Meta struct{ Hostvars map[string]json.RawMessage } `json:"_meta"`
	}
	testkit.Must(t, json.Unmarshal(list, &doc))
	for name, vars := range doc.Meta.Hostvars {
		host, err := inv.Host(name, AnsibleOptions{})
		if err != nil || string(host) != string(vars)+"\n" {
			t.Errorf("%s: %s, in --list %s, %v", name, host, vars, err)
		}
	}
	if local, err := inv.Host("localhost", AnsibleOptions{}); err != nil || string(local) != "{}\n" {
		t.Errorf("localhost: %s %v", local, err)
	}
	testkit.Fails(t, testkit.Err(inv.Host("nobody", AnsibleOptions{})), `"nobody"`)
}
