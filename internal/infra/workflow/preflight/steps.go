package preflight

import (
	"net/url"
	"slices"
	"strings"

	"syslog-gateway/internal/infra/declaration"
	"syslog-gateway/internal/infra/plan/change"
	"syslog-gateway/internal/infra/pve"
)

// planned are the rights that an apply of these changes uses: what is read of everything that is
// declared, and the steps. Each object comes once.
func planned(e *declaration.Estate, changes []change.Change) []need {
	var out []need
	for _, n := range needs(e, nil) {
		n.privs = slices.DeleteFunc(slices.Clone(n.privs), func(priv string) bool { return !strings.HasSuffix(priv, ".Audit") })
		out = merge(out, n)
	}
	for _, c := range changes {
		pool := ""
		for _, g := range e.Guests() {
			if g.VMID == c.VMID && g.Pool != "" {
				pool = "/pool/" + g.Pool
			}
		}
		for _, s := range c.Steps {
			for _, n := range stepNeeds(s) {
				if n.what = c.Key; c.Action == change.Destroy {
					n.what = "destroy " + c.Key
				}
				if strings.HasPrefix(n.path, "/vms/") && c.Creates() {
					n.pool = pool
				}
				out = merge(out, n)
			}
		}
	}
	return out
}

// merge adds a need to the one on the same object.
func merge(list []need, n need) []need {
	if len(n.privs) == 0 {
		return list
	}
	for i := range list {
		if list[i].path == n.path {
			for _, priv := range n.privs {
				if !slices.Contains(list[i].privs, priv) {
					list[i].privs = append(list[i].privs, priv)
				}
			}
			list[i].pool = max(list[i].pool, n.pool)
			return list
		}
	}
	return append(list, n)
}

// stepNeeds are the rights that one step uses, as the API viewer of Proxmox VE lists them by
// method ("check").
func stepNeeds(s change.Step) []need {
	if s.Root {
		return nil // root@pam's
	}
	modify := func(path string) []need { return []need{{path: path, privs: []string{"Sys.Modify"}}} }
	path := strings.Split(strings.TrimPrefix(s.Path, "/"), "/")
	switch {
	case s.Op == change.OpUpload, s.Op == change.OpRecords:
		return nil // over SSH; of Route 53
	case path[0] == "pools":
		out := []need{{path: "/pool/" + s.Params.Get("poolid"), privs: []string{"Pool.Allocate"}}}
		if id := s.Params.Get("vms"); id != "" {
			out = append(out, need{path: "/vms/" + id, privs: []string{"VM.Allocate"}})
		}
		return out
	case path[0] == "cluster", len(path) == 3 && path[2] == "config":
		return modify("/")
	case len(path) > 2 && path[2] == "aplinfo":
		return []need{{path: "/storage/" + s.Params.Get("storage"), privs: []string{"Datastore.AllocateTemplate"}}}
	case len(path) > 2 && (path[2] == "lxc" || path[2] == "qemu"):
		return guestNeeds(s, path[3:])
	}
	return modify("/nodes/" + path[1])
}

// guestNeeds are the rights that a step on a guest uses; path is what follows the kind.
func guestNeeds(s change.Step, path []string) []need {
	if len(path) == 0 {
		n := need{path: "/vms/" + s.Params.Get("vmid"), privs: []string{"VM.Allocate"}}
		if s.Params.Has("start") {
			n.privs = append(n.privs, "VM.PowerMgmt")
		}
		return append([]need{n}, settingNeeds(n.path, s)...)
	}
	at := "/vms/" + path[0]
	on := func(privs ...string) []need { return []need{{path: at, privs: privs}} }
	switch what := strings.Join(path[1:], "/"); {
	case s.Op == change.OpStop, strings.HasPrefix(what, "status/"):
		return on("VM.PowerMgmt")
	case s.Method == "DELETE":
		return on("VM.Allocate")
	case what == "clone":
		out := append(on("VM.Clone"), need{path: "/vms/" + s.Params.Get("newid"), privs: []string{"VM.Allocate"}})
		return append(out, space(s.Params.Get("storage"))...)
	case what == "resize":
		return on("VM.Config.Disk")
	case what == "move_disk":
		return append(on("VM.Config.Disk"), space(s.Params.Get("storage"))...)
	case strings.HasPrefix(what, "firewall"):
		return on("VM.Config.Network")
	case what == "config":
		return settingNeeds(at, s)
	}
	return on("VM.Audit")
}

func space(store string) []need {
	if store == "" {
		return nil
	}
	return []need{{path: "/storage/" + store, privs: []string{"Datastore.AllocateSpace"}}}
}

// settingNeeds are the rights to set the parameters of a step, and to remove those that it
// deletes.
func settingNeeds(at string, s change.Step) []need {
	var out []need
	keys := url.Values{}
	for key, values := range s.Params {
		keys[key] = values
	}
	for key := range strings.SplitSeq(s.Params.Get("delete"), ",") {
		keys.Set(key, "")
	}
	for key := range keys {
		priv := keyPrivilege(key, keys.Get(key))
		if priv == "" {
			continue
		}
		out = merge(out, need{path: at, privs: []string{priv}})
		value := keys.Get(key)
		switch p := pve.ParseProps(value, "volume"); {
		case strings.HasPrefix(key, "net") && p.Get("bridge") != "":
			out = merge(out, need{path: strings.TrimSuffix("/sdn/zones/localnetwork/"+p.Get("bridge")+"/"+p.Get("tag"), "/"), privs: []string{"SDN.Use"}})
		case p.Has("mapping"):
			out = merge(out, need{path: "/mapping/" + strings.TrimPrefix(strings.TrimRight(key, "0123456789"), "host") + "/" + p.Get("mapping"), privs: []string{"Mapping.Use"}})
		case priv == "VM.Config.Disk":
			if store, size, ok := strings.Cut(p.Default(), ":"); ok && !strings.Contains(size, "-") {
				for _, n := range space(store) {
					out = merge(out, n)
				}
			}
		}
	}
	for _, d := range s.Disks {
		out = merge(out, need{path: at, privs: []string{"VM.Config.Disk"}})
		for _, n := range space(d.Store) {
			out = merge(out, n)
		}
	}
	slices.SortFunc(out, func(a, b need) int { return strings.Compare(a.path, b.path) })
	return out
}

// privileges are those that keys of a configuration need, without their numbers; "" where the
// key is none. Others need VM.Config.Options (check_vm_modify_config_perm of qemu-server,
// check_ct_modify_config_perm of pve-container).
var privileges = map[string]string{
	"rootfs": "VM.Config.Disk", "mp": "VM.Config.Disk", "scsi": "VM.Config.Disk", "virtio": "VM.Config.Disk", "sata": "VM.Config.Disk", "ide": "VM.Config.Disk",
	"efidisk": "VM.Config.Disk", "tpmstate": "VM.Config.Disk", "unused": "VM.Config.Disk", "boot": "VM.Config.Disk",
	"cores": "VM.Config.CPU", "cpulimit": "VM.Config.CPU", "cpu": "VM.Config.CPU", "numa": "VM.Config.CPU", "sockets": "VM.Config.CPU",
	"memory": "VM.Config.Memory", "swap": "VM.Config.Memory", "balloon": "VM.Config.Memory",
	"net": "VM.Config.Network", "nameserver": "VM.Config.Network", "searchdomain": "VM.Config.Network", "hostname": "VM.Config.Network", "ipconfig": "VM.Config.Network",
	"cicustom": "VM.Config.Network", "ciuser": "VM.Config.Network", "cipassword": "VM.Config.Network", "sshkeys": "VM.Config.Network", "ciupgrade": "VM.Config.Network",
	"vga": "VM.Config.HWType", "scsihw": "VM.Config.HWType", "machine": "VM.Config.HWType", "hostpci": "VM.Config.HWType", "usb": "VM.Config.HWType",
	"features": "VM.Allocate",
	"vmid":     "", "ostemplate": "", "pool": "", "start": "", "delete": "", "password": "", "ssh-public-keys": "", "unprivileged": "", "digest": "",
}

func keyPrivilege(key, value string) string {
	base := strings.TrimRight(key, "0123456789")
	if base == "" {
		return ""
	}
	if strings.Contains(value, "media=cdrom") && !strings.Contains(value, "cloudinit") {
		return "VM.Config.CDROM"
	}
	if priv, known := privileges[base]; known {
		return priv
	}
	return "VM.Config.Options"
}
