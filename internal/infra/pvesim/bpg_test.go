package pvesim

import (
	"bytes"
	"encoding/json"
	"fmt"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"

	"syslog-gateway/internal/testkit"
)

// These tests send what Terraform's provider bpg/proxmox sends, in its form.

// TestRecordsOfTheDatacenter makes, reads, changes and removes one object of each kind that is a
// record and nothing more.
func TestRecordsOfTheDatacenter(t *testing.T) {
	r := newRig(t, Options{Nodes: []string{"pve1", "pve2"}})
	r.web()
	for _, c := range []struct {
		list, one string
		post      string // where it is made
		made      []string
		shown     []string
		changed   []string
		after     string
	}{
		{"/cluster/metrics/server", "/cluster/metrics/server/influx", "/cluster/metrics/server/influx",
			[]string{"id", "influx", "server", "10.0.0.9", "port", "8089", "type", "influxdb", "token", "secret", "mtu", "1402", "disable", "0"},
			[]string{`"id":"influx"`, `"mtu":1402`, `"port":8089`, `"disable":0`, `"type":"influxdb"`},
			[]string{"server", "10.0.0.8", "port", "8089", "delete", "mtu"}, `"server":"10.0.0.8"`},
		{"/access/domains", "/access/domains/directory", "/access/domains",
			[]string{"realm", "directory", "type", "ldap", "server1", "ldap.lab.example", "base_dn", "dc=lab", "user_attr", "uid", "port", "389", "password", "secret", "verify", "1"},
			[]string{`"realm":"directory"`, `"port":389`, `"verify":1`},
			[]string{"comment", "changed"}, `"comment":"changed"`},
		{"/cluster/replication", "/cluster/replication/120-0", "/cluster/replication",
			[]string{"id", "120-0", "target", "pve2", "type", "local", "schedule", "*/30", "rate", "2.5"},
			[]string{`"guest":120`, `"jobnum":0`, `"source":"pve1"`, `"rate":2.5`},
			[]string{"disable", "1"}, `"disable":1`},
		{"/cluster/mapping/usb", "/cluster/mapping/usb/stick", "/cluster/mapping/usb",
			[]string{"id", "stick", "map", "id=8087:0a2b,node=pve1,path=1-8.2", "map", "id=8087:0a2b,node=pve2"},
			[]string{`"map":["id=8087:0a2b,node=pve1,path=1-8.2","id=8087:0a2b,node=pve2"]`},
			[]string{"map", "id=8087:0a2b,node=pve2"}, `"map":["id=8087:0a2b,node=pve2"]`},
		{"/cluster/mapping/dir", "/cluster/mapping/dir/media", "/cluster/mapping/dir",
			[]string{"id", "media", "map", "node=pve1,path=/srv/media"}, []string{`"map":["node=pve1,path=/srv/media"]`},
			[]string{"description", "films"}, `"description":"films"`},
	} {
		r.ok("POST", c.post, c.made...)
		testkit.Equal(t, "a second "+c.one, r.do("POST", c.post, c.made...).Status, 500)
		testkit.Holds(t, "list", r.ok("GET", c.list), c.shown...)
		text := r.ok("GET", c.one)
		testkit.Holds(t, c.one, text, c.shown...)
		testkit.Lacks(t, c.one, text, "secret")
		r.ok("PUT", c.one, c.changed...)
		testkit.Holds(t, c.one, r.ok("GET", c.one), c.after)
		testkit.Equal(t, "a change from an older read", r.do("PUT", c.one, append(c.changed, "digest", "0000")...).Status, 500)
		r.ok("DELETE", c.one)
		testkit.Holds(t, "what is gone", r.do("GET", c.one).Reason, "does not exist")
	}
	testkit.Holds(t, "realms that stay", r.ok("GET", "/access/domains"), `"realm":"pam"`, `"realm":"pve"`)
	testkit.Equal(t, "removal of a realm that stays", r.do("DELETE", "/access/domains/pam").Status, 500)
	r.refused(500, "source and target 'pve1' must not be the same node", r.do("POST", "/cluster/replication", "id", "120-1", "target", "pve1", "type", "local"))
	if a := r.do("POST", "/cluster/mapping/pci", "id", "gpu", "map", "id=8086:5916,node=pve1,path=0000:00:02.0", "map", "id=80865916,node=pve1,path=0000:00:02.0"); !strings.Contains(a.Errors["map"], "map[1].id") {
		t.Errorf("a wrong element of a list: %d %v", a.Status, a.Errors)
	}
}

// TestRightsOnRecords: a record is seen and changed by who has the rights on it.
func TestRightsOnRecords(t *testing.T) {
	r := newRig(t, Options{
		Users: []User{{ID: DefaultUser, Password: DefaultPassword}, {ID: "ann@pve"}}, Tokens: []Token{{ID: defaultTokenID, Secret: defaultSecret}, {ID: "ann@pve!t", Secret: "s"}},
		Roles: map[string][]string{"Use": {"Mapping.Use"}}, ACL: []ACL{{Path: "/mapping/usb/hers", UGID: "ann@pve", Role: "Use"}},
	})
	for _, id := range []string{"hers", "other"} {
		r.ok("POST", "/cluster/mapping/usb", "id", id, "map", "id=8087:0a2b,node=pve1")
	}
	r.token = "ann@pve!t=s"
	list := r.ok("GET", "/cluster/mapping/usb")
	testkit.Holds(t, "what she sees", list, "hers")
	testkit.Lacks(t, "what she sees", list, "other")
	r.refused(403, "Permission check failed (/mapping/usb/hers, Mapping.Modify)", r.do("DELETE", "/cluster/mapping/usb/hers"))
	testkit.Equal(t, "metric servers", r.do("GET", "/cluster/metrics/server").Status, 403)
}

// TestNetworkOfTheCluster: what is declared of SDN is new until it is applied, and then pending
// again for each change.
func TestNetworkOfTheCluster(t *testing.T) {
	r := newRig(t, Options{})
	r.ok("POST", "/cluster/sdn/zones", "zone", "lab", "type", "simple", "nodes", "pve1", "mtu", "1500")
	r.refused(500, "sdn zone 'none' does not exist", r.do("POST", "/cluster/sdn/vnets", "vnet", "labnet", "zone", "none"))
	r.ok("POST", "/cluster/sdn/vnets", "vnet", "labnet", "zone", "lab", "type", "vnet", "alias", "first")
	const subnets = "/cluster/sdn/vnets/labnet/subnets"
	r.ok("POST", subnets, "subnet", "10.98.0.0/24", "vnet", "labnet", "type", "subnet", "gateway", "10.98.0.1", "snat", "1", "dhcp-range", "start-address=10.98.0.10,end-address=10.98.0.20")
	testkit.Equal(t, "a gateway outside", r.do("POST", subnets, "subnet", "10.97.0.0/24", "type", "subnet", "gateway", "10.96.0.1").Status, 400)
	testkit.Holds(t, "subnet", r.ok("GET", subnets+"/lab-10.98.0.0-24"), `"cidr":"10.98.0.0/24"`, `"snat":1`, `"dhcp-range":[{"end-address":"10.98.0.20","start-address":"10.98.0.10"}]`)

	testkit.Holds(t, "before", r.ok("GET", "/cluster/sdn/vnets/labnet", "pending", "1"), `"state":"new"`, `"pending":{"alias":"first"`)
	testkit.Holds(t, "what runs before", r.do("GET", "/cluster/sdn/vnets/labnet", "running", "1").Reason, "does not exist")
	r.done(r.ok("PUT", "/cluster/sdn"))
	testkit.Lacks(t, "applied", r.ok("GET", "/cluster/sdn/vnets/labnet", "pending", "1"), "pending", "state")
	r.ok("PUT", "/cluster/sdn/vnets/labnet", "alias", "second", "zone", "lab")
	testkit.Holds(t, "changed", r.ok("GET", "/cluster/sdn/vnets", "pending", "1"), `"alias":"first"`, `"state":"changed"`, `"pending":{"alias":"second"}`)
	testkit.Equal(t, "removal of a zone in use", r.do("DELETE", "/cluster/sdn/zones/lab").Status, 500)
	r.ok("DELETE", subnets+"/lab-10.98.0.0-24")
	r.ok("DELETE", "/cluster/sdn/vnets/labnet")
	testkit.Holds(t, "removed, but running", r.ok("GET", "/cluster/sdn/vnets", "pending", "1"), `"state":"deleted"`)
	testkit.Equal(t, "removed", r.ok("GET", "/cluster/sdn/vnets"), "[]")
	r.ok("DELETE", "/cluster/sdn/zones/lab")
}

// done wants that the task of a UPID ended well.
func (r *rig) done(upid string) {
	r.Helper()
	testkit.Holds(r, "task", r.ok("GET", "/nodes/pve1/tasks/"+upid+"/status"), `"exitstatus":"OK"`)
}

// TestInterfacesOfANode: a VLAN and a bridge are added, loaded, changed and taken back.
func TestInterfacesOfANode(t *testing.T) {
	r := newRig(t, Options{})
	const at = "/nodes/pve1/network"
	r.ok("POST", at, "iface", "eno1.99", "type", "vlan", "autostart", "1", "comments", "lab")
	r.ok("POST", at, "iface", "vmbr99", "type", "bridge", "autostart", "1", "cidr", "10.99.0.1/24", "bridge_ports", "eno1.99", "bridge_vlan_aware", "1")
	testkit.Holds(t, "vlan", r.ok("GET", at+"/eno1.99"), `"vlan-id":"99"`, `"vlan-raw-device":"eno1"`, `"comments":"lab\n"`, `"method":"manual"`)
	bridge := r.ok("GET", at+"/vmbr99")
	testkit.Holds(t, "bridge", bridge, `"address":"10.99.0.1"`, `"netmask":"24"`, `"method":"static"`, `"bridge_vids":"2-4094"`, `"autostart":1`)
	testkit.Lacks(t, "bridge", bridge, `"active"`)
	r.done(r.ok("PUT", at))
	testkit.Holds(t, "loaded", r.ok("GET", at+"/vmbr99"), `"active":1`)
	r.ok("PUT", at+"/vmbr99", "iface", "vmbr99", "type", "bridge", "delete", "cidr,bridge_vids")
	testkit.Lacks(t, "without address", r.ok("GET", at+"/vmbr99"), "10.99")
	r.ok("DELETE", at) // what was not loaded is taken back
	testkit.Holds(t, "taken back", r.ok("GET", at+"/vmbr99"), "10.99.0.1")
	r.wrong("iface", "interface already exists", r.do("POST", at, "iface", "vmbr99", "type", "bridge"))
	r.wrong("iface", "interface does not exist", r.do("DELETE", at+"/vmbr98"))
	r.wrong("gateway", "Default gateway already exists on interface 'vmbr0'.", r.do("POST", at, "iface", "vmbr98", "type", "bridge", "cidr", "10.98.0.1/24", "gateway", "10.98.0.2"))
}

// TestFilesOfANode: hosts, repositories, devices, and what the server of a URL says.
func TestFilesOfANode(t *testing.T) {
	r := newRig(t, Options{})
	const at = "/nodes/pve1"
	old := r.object(at + "/hosts")["digest"].(string)
	r.ok("POST", at+"/hosts", "data", "127.0.0.1 localhost\n", "digest", old)
	testkit.Equal(t, "hosts", r.object(at + "/hosts")["data"].(string), "127.0.0.1 localhost\n")
	testkit.Equal(t, "from an older read", r.do("POST", at+"/hosts", "data", "", "digest", old).Status, 500)

	r.ok("PUT", at+"/apt/repositories", "handle", "no-subscription")
	r.ok("POST", at+"/apt/repositories", "path", "/etc/apt/sources.list.d/pve-enterprise.sources", "index", "0", "enabled", "0")
	testkit.Holds(t, "repositories", r.ok("GET", at+"/apt/repositories"), `"Components":["pve-no-subscription"],"Enabled":1`, `"Components":["pve-enterprise"],"Enabled":0`)
	testkit.Equal(t, "a repository that is not there", r.do("POST", at+"/apt/repositories", "path", "/etc/apt/sources.list.d/pve-enterprise.sources", "index", "7").Status, 500)

	devices := r.ok("GET", at+"/hardware/pci")
	testkit.Holds(t, "devices", devices, `"iommugroup":0`)
	testkit.Lacks(t, "devices", devices, "Host Bridge")
	r.sim.SetUnreachable("down.example")
	testkit.Holds(t, "metadata", r.ok("GET", at+"/query-url-metadata", "url", "https://up.example/a/debian.qcow2"), `"filename":"debian.qcow2"`, `"size":125829120`)
	testkit.Equal(t, "a server that is down", r.do("GET", at+"/query-url-metadata", "url", "https://down.example/debian.qcow2").Status, 500)
}

// TestUpload sends a file as a form with parts, and what must be refused.
func TestUpload(t *testing.T) {
	r := newRig(t, Options{})
	send := func(content, name string, size int) reply {
		var body bytes.Buffer
		form := multipart.NewWriter(&body)
		testkit.Must(t, form.WriteField("content", content))
		file := testkit.Try(form.CreateFormFile("filename", name))(t)
		_, _ = file.Write(make([]byte, size))
		testkit.Must(t, form.Close())
		req := testkit.Try(http.NewRequest("POST", r.url+"/api2/json/nodes/pve1/storage/local/upload", &body))(t)
		req.Header.Set("Content-Type", form.FormDataContentType())
		req.Header.Set("Authorization", "PVEAPIToken="+r.token)
		return r.send(req)
	}
	a := send("iso", "../big.iso", 2<<20) // more than any other body may have
	testkit.Equal(t, "upload", a.Status, 200)
	var upid string
	testkit.Must(t, json.Unmarshal(a.Data, &upid))
	r.done(upid)
	testkit.Holds(t, "content", r.ok("GET", "/nodes/pve1/storage/local/content", "content", "iso"), `"volid":"local:iso/big.iso"`, fmt.Sprintf(`"size":%d`, 2<<20))
	r.wrong("filename", "wrong file extension", send("iso", "a.txt", 1))
	testkit.Equal(t, "snippets", send("snippets", "a.yaml", 1).Status, 400)
	testkit.Equal(t, "no file", r.do("POST", "/nodes/pve1/storage/local/upload", "content", "iso", "filename", "a.iso").Status, 500) // as recorded
	testkit.Equal(t, "torn", r.raw("POST", "/api2/json/nodes/pve1/storage/local/upload", "multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data; name=\"content\"\r\n\r\niso").Status, 400)
}

// TestSettingsAsObjects: property strings of the datacenter and of backup jobs are read as
// objects, settings of storages as they were sent.
func TestSettingsAsObjects(t *testing.T) {
	r := newRig(t, Options{})
	r.ok("PUT", "/cluster/options", "next-id", "lower=100,upper=9999", "migration", "secure,network=10.0.0.0/8", "bwlimit", "migration=555", "max_workers", "3", "registered-tags", "a;b", "user-tag-access", "user-allow=list,user-allow-list=a;b")
	testkit.Holds(t, "options", r.ok("GET", "/cluster/options"), `"next-id":{"lower":100,"upper":9999}`, `"migration":{"network":"10.0.0.0/8","type":"secure"}`, `"bwlimit":"migration=555"`, `"max_workers":3`,
		`"registered-tags":["a","b"]`, `"user-allow-list":["a","b"]`)
	r.ok("PUT", "/cluster/options", "delete", "next-id,migration")
	testkit.Lacks(t, "options", r.ok("GET", "/cluster/options"), "next-id", `"migration"`)

	r.ok("POST", "/cluster/backup", "id", "nightly", "schedule", "02:00", "storage", "local", "all", "1", "prune-backups", "keep-daily=7", "fleecing", "enabled=1,storage=local-zfs", "exclude-path", "/tmp", "exclude-path", "/var/cache")
	testkit.Holds(t, "job", r.ok("GET", "/cluster/backup/nightly"), `"prune-backups":{"keep-daily":7}`, `"fleecing":{"enabled":1,"storage":"local-zfs"}`, `"exclude-path":["/tmp","/var/cache"]`, `"all":1`)

	r.ok("POST", "/storage", "storage", "backups", "type", "dir", "path", "/srv", "content", "backup", "create-base-path", "1", "max-protected-backups", "5", "prune-backups", "keep-daily=7", "shared", "0", "nodes", "pve1")
	testkit.Holds(t, "storage", r.ok("GET", "/storage/backups"), `"create-base-path":1`, `"max-protected-backups":5`, `"prune-backups":"keep-daily=7"`, `"path":"/srv"`, `"nodes":"pve1"`)
	r.ok("PUT", "/storage/backups", "delete", "nodes,prune-backups")
	testkit.Lacks(t, "storage", r.ok("GET", "/storage/backups"), "nodes", "prune-backups")
	r.sim.SetUnreachable("10.0.0.9")
	r.refused(500, "create storage failed: storage 'nfs' is not online", r.do("POST", "/storage", "storage", "nfs", "type", "nfs", "server", "10.0.0.9", "export", "/x"))
	r.ok("POST", "/storage", "storage", "nfs", "type", "nfs", "server", "10.0.0.8", "export", "/x")
	testkit.Holds(t, "nfs", r.ok("GET", "/storage/nfs"), `"shared":1`, `"export":"/x"`)
	testkit.Equal(t, "without path", r.do("POST", "/storage", "storage", "d", "type", "dir").Status, 400)
}
