package pvesim

import (
	"fmt"
	"strings"
	"testing"

	"syslog-gateway/internal/infra/pvesim/schema"
	"syslog-gateway/internal/testkit"
)

// TestParameterErrors: every wrong parameter is named in one answer, in the words of the real API.
func TestParameterErrors(t *testing.T) {
	r := newRig(t, Options{})
	const vm, ct = "/nodes/pve1/qemu", "/nodes/pve1/lxc"
	for _, c := range []struct {
		path string
		kv   []string
		want map[string]string
	}{
		{vm, []string{"vmid", "99", "name", "bad name", "foo", "1", "cores", "0", "onboot", "yes"}, map[string]string{
			"vmid": "value must have a minimum value of 100", "name": "invalid format - value does not look like a valid DNS name\n", "foo": schema.UnknownParam,
			"cores": "value must have a minimum value of 1", "onboot": "type check ('boolean') failed - got 'yes'"}},
		{vm, []string{"vmid", "x"}, map[string]string{"vmid": "type check ('integer') failed - got 'x'"}},
		{vm, nil, map[string]string{"vmid": schema.MissingParam}},
		{vm, []string{"vmid", "200", "net0", "virtio,tag=5000,bogus=1"}, map[string]string{"net0": "invalid format - invalid key in comma-separated list property: bogus\n"}},
		{vm, []string{"vmid", "200", "net0", "virtio,tag=5000,mtu=0"}, map[string]string{
			"net0": "invalid format - format error\nnet0.mtu: value must have a minimum value of 1\nnet0.tag: value must have a maximum value of 4094\n"}},
		{vm, []string{"vmid", "200", "net0", "virtio,virtio"}, map[string]string{"net0": "invalid format - duplicate key in comma-separated list property: model\n"}},
		{vm, []string{"vmid", "200", "net0", "bridge=vmbr0"}, map[string]string{"net0": "invalid format - format error\nnet0.model: " + schema.MissingParam + "\n"}},
		{vm, []string{"vmid", "200", "ipconfig0", "gw=10.0.0.1"}, map[string]string{"ipconfig0": "invalid format - format error\nipconfig0.ip: missing property required by 'ipconfig0.gw'\n"}},
		{vm, []string{"vmid", "200", "scsihw", "none", "sshkeys", "ssh-rsa plain"}, map[string]string{
			"scsihw":  "value 'none' does not have a value in the enumeration 'lsi, lsi53c810, virtio-scsi-pci, virtio-scsi-single, megasas, pvscsi'",
			"sshkeys": "invalid format - invalid urlencoded string: ssh-rsa plain\n"}},
		{ct, []string{"vmid", "300", "features", "nesting"}, map[string]string{"ostemplate": schema.MissingParam, "features": "invalid format - value without key, but schema does not define a default key\n"}},
		{ct, []string{"vmid", "300", "ostemplate", "local:vztmpl/x", "password", "1234", "tags", "a b!", "net0", "name=eth0,ip=10.0.0.5,hwaddr=01:00:00:00:00:00"}, map[string]string{
			"password": "value must be at least 5 characters long", "tags": "invalid format - invalid characters in tag\n",
			"net0": "invalid format - format error\nnet0.hwaddr: invalid format - value does not look like a valid unicast MAC address\n\n" +
				"net0.ip: invalid format - value does not look like a valid ipv4 network configuration\n\n"}},
		{"/pools", []string{"poolid", "a b"}, map[string]string{"poolid": "invalid format - pool name 'a b' contains invalid characters\n"}},
		{"/cluster/firewall/groups", []string{"group", "this-name-is-far-too-long"}, map[string]string{"group": "value may only be 18 characters long"}},
	} {
		a := r.do("POST", c.path, c.kv...)
		if a.Status != 400 || a.Reason != "Parameter verification failed." || a.Message != "Parameter verification failed.\n" || fmt.Sprint(a.Errors) != fmt.Sprint(c.want) {
			t.Errorf("%s %v: %d %s\n got %q\nwant %q", c.path, c.kv, a.Status, a.Reason, a.Errors, c.want)
		}
	}
}

// TestSides: some errors come at once, some with the task.
func TestSides(t *testing.T) {
	r := newRig(t, Options{})
	ct := func(vmid string, kv ...string) []string {
		return append([]string{"vmid", vmid, "unprivileged", "1", "ostemplate", "local:vztmpl/debian.tar.zst"}, kv...)
	}
	r.refused(500, "storage 'nostore' does not exist", r.do("POST", "/nodes/pve1/lxc", ct("300", "rootfs", "nostore:1")...))
	r.refused(403, "Permission check failed (pool 'nopool' does not exist)", r.do("POST", "/nodes/pve1/lxc", ct("300", "rootfs", "local-zfs:1", "pool", "nopool")...))
	r.wrong("storage", "storage 'local' does not support container directories", r.do("POST", "/nodes/pve1/lxc", ct("300", "rootfs", "local:1")...))
	missing := ct("300", "rootfs", "local-zfs:1")
	missing[5] = "local:vztmpl/nope.tar.zst"
	r.ends("unable to create CT 300 - volume 'local:vztmpl/nope.tar.zst' does not exist", "POST", "/nodes/pve1/lxc", missing...)
	if got := r.list("/nodes/pve1/storage/local-zfs/content"); len(got) != 0 {
		t.Errorf("a failed creation left %v", got)
	}
	r.ends("unable to create VM 200 - volume 'local:iso/none.iso' does not exist", "POST", "/nodes/pve1/qemu", "vmid", "200", "scsi0", "local:iso/none.iso,media=cdrom")
	r.refused(500, "only root can set 'args' config", r.do("POST", "/nodes/pve1/qemu", "vmid", "200", "args", "-foo"))
	r.refused(500, "only root can set 'hostpci0' config for non-mapped devices", r.do("POST", "/nodes/pve1/qemu", "vmid", "200", "hostpci0", "0000:01:00.0"))
	r.refused(500, "only root can set 'usb0' config for real devices", r.do("POST", "/nodes/pve1/qemu", "vmid", "200", "usb0", "0bda:2838"))
	r.ends("unable to find configuration file for VM 999 on node 'pve1'", "POST", "/nodes/pve1/qemu/999/status/stop")
	r.refused(500, "unable to find configuration file for VM 999 on node 'pve1'", r.do("POST", "/nodes/pve1/qemu/999/status/reboot"))
	r.refused(500, "Configuration file 'nodes/pve1/lxc/999.conf' does not exist", r.do("GET", "/nodes/pve1/lxc/999/status/current"))
	r.wrong("upid", "unable to parse worker upid", r.do("GET", "/nodes/pve1/tasks/UPID:bad/status"))
	r.createCT("300")
	r.refused(500, "no options specified", r.do("PUT", "/nodes/pve1/lxc/300/config"))
	r.refused(500, "unable to modify read-only option: 'unprivileged'", r.do("PUT", "/nodes/pve1/lxc/300/config", "unprivileged", "0"))
	r.refused(500, "unable to shrink disk size", r.do("PUT", "/nodes/pve1/lxc/300/resize", "disk", "rootfs", "size", "1G"))
	for _, kv := range [][]string{{"delete", "nosuch"}, {"cores", "2", "delete", "cores"}} {
		if a := r.do("PUT", "/nodes/pve1/lxc/300/config", kv...); a.Status != 400 || a.Errors["delete"] == "" {
			t.Errorf("%v: %d %v", kv, a.Status, a.Errors)
		}
	}
}

// TestDisks: detached disks become unused, unused ones are destroyed; disks move; linked
// clones hold their base.
func TestDisks(t *testing.T) {
	r := newRig(t, Options{})
	r.sim.AddStorage(Storage{ID: "fast", Type: "lvmthin", Content: []string{"images", "rootdir"}, Path: "vg"})
	r.ends("OK", "POST", "/nodes/pve1/qemu", "vmid", "200", "scsi0", "local-zfs:4,discard=on,ssd=1", "scsi1", "local-zfs:1", "ide2", "local-zfs:cloudinit", "net0", "virtio,bridge=vmbr0")
	at := "/nodes/pve1/qemu/200"
	r.ok("PUT", at+"/config", "delete", "scsi1")
	if got := r.object(at + "/config"); got["unused0"] != "local-zfs:vm-200-disk-1" || got["scsi1"] != nil || got["boot"] != "order=scsi0;net0" {
		t.Errorf("after detaching: %v", got)
	}
	r.ok("PUT", at+"/unlink", "idlist", "unused0")
	testkit.Equal(t, "volumes after the removal", len(r.list("/nodes/pve1/storage/local-zfs/content")), 2)
	r.ends("OK", "POST", at+"/move_disk", "disk", "scsi0", "storage", "fast", "delete", "1")
	testkit.Equal(t, "after the move", r.object(at + "/config")["scsi0"], "fast:vm-200-disk-0,discard=on,size=4G,ssd=1")
	r.refused(500, "Linked clone feature is not supported for 'fast:vm-200-disk-0' (scsi0)", r.do("POST", at+"/clone", "newid", "201", "full", "0"))
	r.ends("OK", "POST", at+"/template")
	r.ends("OK", "POST", at+"/clone", "newid", "201")
	if got := r.list("/nodes/pve1/storage/fast/content", "vmid", "201"); len(got) != 1 || got[0]["parent"] != "fast:base-200-disk-0" {
		t.Errorf("linked clone: %v", got)
	}
	r.refused(500, "base volume 'fast:base-200-disk-0' is still in use by linked cloned", r.do("DELETE", at))
}

// TestPending: what a running guest cannot apply waits for its next start.
func TestPending(t *testing.T) {
	r := newRig(t, Options{})
	r.createCT("300", "nameserver", "1.1.1.1", "start", "1")
	at := "/nodes/pve1/lxc/300"
	r.ok("PUT", at+"/config", "memory", "1024", "searchdomain", "x.y", "delete", "nameserver")
	shown := map[string]map[string]any{}
	for _, e := range r.list(at + "/pending") {
		shown[e["key"].(string)] = e
	}
	if shown["memory"]["value"] != 1024.0 || shown["searchdomain"]["pending"] != "x.y" || shown["nameserver"]["delete"] != 1.0 {
		t.Errorf("pending %v", shown)
	}
	if got := r.object(at + "/config"); got["searchdomain"] != "x.y" || got["nameserver"] != nil {
		t.Errorf("config %v", got)
	}
	r.ok("PUT", at+"/config", "revert", "nameserver")
	r.ends("OK", "POST", at+"/status/reboot")
	if got := r.object(at+"/config", "current", "1"); got["searchdomain"] != "x.y" || got["nameserver"] != "1.1.1.1" {
		t.Errorf("after the reboot: %v", got)
	}
}

func TestFilesAndCertificates(t *testing.T) {
	r := newRig(t, Options{})
	const at = "/nodes/pve1/storage/local"
	r.ends("OK", "POST", at+"/download-url", "content", "iso", "filename", "x.iso", "url", "https://example.com/x.iso")
	r.ends("refusing to override existing file '/var/lib/vz/template/iso/x.iso'", "POST", at+"/download-url", "content", "iso", "filename", "x.iso", "url", "https://example.com/x.iso")
	r.wrong("filename", "wrong file extension", r.do("POST", at+"/download-url", "content", "iso", "filename", "x.txt", "url", "https://example.com/x"))
	testkit.Must(t, r.sim.AddFile("local:snippets/a.yml", 10))
	if got := r.list(at+"/content", "content", "snippets"); len(got) != 1 || got[0]["volid"] != "local:snippets/a.yml" {
		t.Errorf("snippets %v", got)
	}
	r.ends("OK", "DELETE", at+"/content/local:iso/x.iso")
	appliance := r.list("/nodes/pve1/aplinfo")[0]["template"].(string)
	r.ends("OK", "POST", "/nodes/pve1/aplinfo", "storage", "local", "template", appliance)

	r.ok("POST", "/cluster/acme/plugins", "id", "aws", "type", "dns", "api", "aws", "data", "QT1i")
	r.refused(500, "ACME plugin ID 'aws' already exists", r.do("POST", "/cluster/acme/plugins", "id", "aws", "type", "dns"))
	r.ok("PUT", "/nodes/pve1/config", "acme", "account=default", "acmedomain0", "pve1.example.com,plugin=aws")
	const order = "/nodes/pve1/certificates/acme/certificate"
	r.ends("ACME account config file 'default' does not exist.", "POST", order)
	ticket, csrf := session(r, DefaultPassword)
	withTicket(r, "POST", "/cluster/acme/account?contact=a%40example.com", ticket, csrf)
	r.token = DefaultToken
	r.ends("OK", "POST", order)
	var files []string
	for _, c := range r.list("/nodes/pve1/certificates/info") {
		files = append(files, fmt.Sprint(c["filename"]))
	}
	if strings.Join(files, " ") != "pve-root-ca.pem pve-ssl.pem pveproxy-ssl.pem" {
		t.Errorf("certificates %v", files)
	}
}
