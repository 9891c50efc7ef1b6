package apply_test

import (
	"slices"
	"strings"
	"testing"

	"syslog-gateway/internal/infra/apply"
	"syslog-gateway/internal/infra/plan"
	"syslog-gateway/internal/infra/plan/change"
	"syslog-gateway/internal/infra/pvesim"
	"syslog-gateway/internal/testkit"
)

// fieldCase is one field of the declaration that is changed, and what becomes of it.
type fieldCase struct {
	name   string
	edit   func(map[string]any)
	id     string // of the only change
	path   string // of the field
	vmid   int
	key    string // of the live configuration, afterwards
	want   string // in its value
	reboot bool
}

const ct, vm = "containers", "vms"

func containerFields() []fieldCase {
	return []fieldCase{
		{"hostname", set(ct, "haproxy", "hostname", "lb"), "container/haproxy", "hostname", 175, "hostname", "lb", true},
		{"description", set(ct, "haproxy", "description", "two\nlines"), "container/haproxy", "description", 175, "description", "two", false},
		{"tags", set(ct, "haproxy", "tags", []string{"z", "terraform", "haproxy"}), "container/haproxy", "tags", 175, "tags", "haproxy;homelab;terraform;z", false},
		{"cores", set(ct, "haproxy", "cpu_cores", 3), "container/haproxy", "cores", 175, "cores", "3", false},
		{"memory", set(ct, "haproxy", "memory_dedicated", 768), "container/haproxy", "memory", 175, "memory", "768", false},
		{"swap", set(ct, "haproxy", "memory_swap", 0), "container/haproxy", "swap", 175, "swap", "0", false},
		{"root disk", set(ct, "haproxy", "root_disk", map[string]any{"datastore_id": "local-zfs", "size": 12}), "container/haproxy", "rootfs.size", 175, "rootfs", "size=12G", false},
		{"new mount", set(ct, "haproxy", "mount_points", []any{mount("50G", "/data")}), "container/haproxy", "mp0", 175, "mp0", "mp=/data", false},
		{"grown mount", set(ct, "minio", "mount_points", []any{mount("120G", "/opt/minio")}), "container/minio", "mp0.size", 107, "mp0", "size=120G", false},
		{"mount beside", set(ct, "minio", "mount_points", []any{mount("5G", "/new"), mount("100G", "/opt/minio")}), "container/minio", "mp1", 107, "mp1", "mp=/new", false},
		{"vlan", set(ct, "haproxy", "network_interfaces", []any{nic("eth0", 30)}), "container/haproxy", "net0.tag", 175, "net0", "tag=30", false},
		{"second nic", set(ct, "haproxy", "network_interfaces", []any{nic("eth0", 0), nic("eth1", 7)}), "container/haproxy", "net1.name", 175, "net1", "name=eth1", false},
		{"address", set(ct, "haproxy", "ip", "192.168.0.77/24"), "container/haproxy", "net0.ip", 175, "net0", "ip=192.168.0.77/24", false},
		{"nameservers", set(ct, "haproxy", "nameservers", []string{"192.168.0.103"}), "container/haproxy", "nameserver", 175, "nameserver", "192.168.0.103", true},
		{"domain", func(d map[string]any) { d["domain"] = "example.net" }, "container/haproxy", "searchdomain", 175, "searchdomain", "example.net", true},
		{"onboot", set(ct, "haproxy", "start_on_boot", false), "container/haproxy", "onboot", 175, "onboot", "0", false},
		{"startup", set(ct, "haproxy", "startup", "lb"), "container/haproxy", "startup", 175, "startup", "4,up=30", false},
		{"protection", set(ct, "haproxy", "protection", true), "container/haproxy", "protection", 175, "protection", "1", false},
		{"features", set(ct, "haproxy", "features", map[string]any{"nesting": true}), "container/haproxy", "features.nesting", 175, "features", "nesting=1", true},
		{"cpu limit", set(ct, "haproxy", "cpu_limit", 1.5), "container/haproxy", "cpulimit", 175, "cpulimit", "1.5", false},
		{"timezone", set(ct, "haproxy", "timezone", "Europe/Berlin"), "container/haproxy", "timezone", 175, "timezone", "Europe/Berlin", true},
		{"mac", set(ct, "haproxy", "network_interfaces", []any{with(nic("eth0", 0), "mac_address", "bc:24:11:00:00:01")}), "container/haproxy", "net0.hwaddr", 175, "net0", "hwaddr=BC:24:11:00:00:01", false},
		{"mount options", set(ct, "minio", "mount_points", []any{with(with(mount("100G", "/opt/minio"), "backup", true), "mount_options", []string{"noatime", "nodev"})}),
			"container/minio", "mp0.mountoptions", 107, "mp0", "backup=1,mountoptions=noatime;nodev", true},
		{"bind mount", set(ct, "haproxy", "mount_points", []any{map[string]any{"volume": "/srv/data", "path": "/data", "read_only": true}}), "container/haproxy", "mp0", 175, "mp0", "/srv/data,mp=/data,ro=1", true},
		{"device", set(ct, "haproxy", "devices", []any{map[string]any{"path": "/dev/dri/renderD128", "mode": "0660", "gid": 104}}), "container/haproxy", "dev0", 175, "dev0", "/dev/dri/renderD128,gid=104,mode=0660", true},
		{"pool", set(ct, "haproxy", "pool_id", "infrastructure"), "container/haproxy", "pool", 0, "", "", false},
		{"pool comment", func(d map[string]any) { d["pools"].(map[string]any)["logging"] = map[string]any{"comment": "new"} }, "pool/logging", "comment", 0, "", "", false},
	}
}

func vmFields() []fieldCase {
	return []fieldCase{
		{"name", set(vm, "docker-host", "name", "docker-2"), "vm/docker-host", "name", 250, "name", "docker-2", false},
		{"vm cores", set(vm, "docker-host", "cpu_cores", 6), "vm/docker-host", "cores", 250, "cores", "6", true},
		{"vm cpu", set(vm, "docker-host", "cpu_type", "host"), "vm/docker-host", "cpu", 250, "cpu", "host", true},
		{"vm memory", set(vm, "docker-host", "memory_dedicated", 4096), "vm/docker-host", "memory", 250, "memory", "4096", true},
		{"vm balloon", set(vm, "docker-host", "memory_floating", 2048), "vm/docker-host", "balloon", 250, "balloon", "2048", false},
		{"vm agent", set(vm, "docker-host", "agent_enabled", false), "vm/docker-host", "agent", 250, "agent", "0,fstrim", true},
		{"vm vga", set(vm, "docker-host", "vga_type", "qxl"), "vm/docker-host", "vga", 250, "vga", "qxl", true},
		{"vm disk grows", set(vm, "docker-host", "boot_disk", disk("scsi0", 80)), "vm/docker-host", "scsi0.size", 250, "scsi0", "size=80G", false},
		{"vm new disk", set(vm, "docker-host", "additional_disks", []any{disk("scsi1", 100), disk("scsi2", 10)}), "vm/docker-host", "scsi2", 250, "scsi2", "size=10G", false},
		{"vm disk discard", set(vm, "docker-host", "additional_disks", []any{with(disk("scsi1", 100), "discard", "on")}), "vm/docker-host", "scsi1.discard", 250, "scsi1", "discard=on", true},
		{"vm disk moves", func(d map[string]any) {
			guestOf(d, vm, "docker-host")["protection"] = false
			guestOf(d, vm, "docker-host")["additional_disks"] = []any{with(disk("scsi1", 100), "datastore_id", "local-lvm")}
		}, "vm/docker-host", "scsi1.storage", 250, "scsi1", "local-lvm:", false},
		{"vm nic", set(vm, "docker-host", "network_interfaces", []any{map[string]any{"bridge": "vmbr0", "vlan_id": 12}}), "vm/docker-host", "net0.tag", 250, "net0", "tag=12", false},
		{"vm cpu limit", set(vm, "docker-host", "cpu_limit", 2), "vm/docker-host", "cpulimit", 250, "cpulimit", "2", false},
		{"vm machine", set(vm, "docker-host", "machine", "q35"), "vm/docker-host", "machine", 250, "machine", "q35", true},
		{"vm mac", set(vm, "docker-host", "network_interfaces", []any{map[string]any{"bridge": "vmbr0", "mac_address": "BC:24:11:00:00:02"}}), "vm/docker-host", "net0.macaddr", 250, "net0", "virtio=BC:24:11:00:00:02", false},
		{"vm tags", set(vm, "docker-host", "tags", []string{"terraform", "docker"}), "vm/docker-host", "tags", 250, "tags", "docker;homelab;terraform", false},
		{"splunk memory", func(d map[string]any) { d["splunk_memory"] = 16384 }, "vm/splunk", "memory", 200, "memory", "16384", true},
	}
}

// TestFieldInPlace changes one field of the declaration at a time, sees it in the plan,
// and sees the live guest become so, in place.
func TestFieldInPlace(t *testing.T) {
	for _, tc := range append(containerFields(), vmFields()...) {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			b := newRig(t, pvesim.Options{Seed: 3})
			b.filters()
			_, key, _ := strings.Cut(tc.id, "/")
			o := plan.Options{Root: true, Only: []string{key}}
			if strings.HasPrefix(tc.id, "pool/") {
				o.Only = []string{tc.id}
			}
			testkit.Try(b.apply(b.plan(estate(t, "small"), o), apply.Options{}))(t)
			e := estate(t, "small", tc.edit)
			p := b.plan(e, o)
			c := planned(t, p, tc.id)
			if len(p.Changes)-p.Count(change.Create) != 1 || c.Action != change.Update || len(c.Blocks) > 0 || c.Reboot != tc.reboot {
				t.Fatalf("want one change in place, reboot %v:\n%s", tc.reboot, show(t, p))
			}
			if !slices.ContainsFunc(c.Fields, func(f change.Diff) bool { return f.Path == tc.path }) {
				t.Fatalf("want a difference of %s:\n%s", tc.path, show(t, p))
			}
			testkit.Try(b.apply(p, apply.Options{}))(t)
			b.still(e, o)
			testkit.Holds(t, tc.key, b.config(tc.vmid)[tc.key], tc.want)
		})
	}
}

func mount(size, path string) map[string]any {
	return map[string]any{"volume": "local-zfs", "size": size, "path": path}
}

func nic(name string, vlan int) map[string]any {
	n := map[string]any{"name": name, "bridge": "vmbr0", "firewall": true}
	if vlan > 0 {
		n["vlan_id"] = vlan
	}
	return n
}

func disk(key string, size int) map[string]any {
	return map[string]any{"datastore_id": "local-zfs", "interface": key, "size": size}
}

func with(m map[string]any, key string, value any) map[string]any {
	m[key] = value
	return m
}
