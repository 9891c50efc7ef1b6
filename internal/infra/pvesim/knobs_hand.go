package pvesim

import (
	"fmt"
	"maps"
	"strings"
)

// AddStorage adds a datastore, or replaces one with its volumes.
func (s *Sim) AddStorage(st Storage) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.addStorage(st)
}

// SetStorageUsed sets how much of a datastore is used in all, so that a test can fill it.
func (s *Sim) SetStorageUsed(id string, used int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.storages[id]
	if st == nil {
		return fmt.Errorf("pvesim: no storage %q", id)
	}
	st.reserved = 0
	st.reserved = used - st.used()
	return nil
}

// SetStorageOffline makes a datastore inactive, or active again.
func (s *Sim) SetStorageOffline(id string, offline bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.storages[id]
	if st == nil {
		return fmt.Errorf("pvesim: no storage %q", id)
	}
	st.Offline = offline
	return nil
}

// AddFile puts a file on a storage, as by scp: local:iso/x.iso, local:vztmpl/x.tar.zst,
// local:snippets/x.yml. Size is in bytes.
func (s *Sim) AddFile(volid string, size int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	store, name, _ := strings.Cut(volid, ":")
	content, file, ok := strings.Cut(name, "/")
	st := s.storages[store]
	if st == nil || !ok {
		return fmt.Errorf("pvesim: %q is no file on a storage that exists", volid)
	}
	st.volumes[volid] = &volume{id: volid, content: content, format: fileFormat(file), size: size, ctime: s.opt.Now().Unix()}
	if content == "snippets" {
		st.volumes[volid].format = "snippet"
	}
	return nil
}

// AddTemplateFile is AddFile for a container template of which unpacked bytes must fit into
// a root file system.
func (s *Sim) AddTemplateFile(volid string, size, unpacked int64) error {
	if err := s.AddFile(volid, size); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	_, v := s.volume(volid)
	v.unpacked = unpacked
	return nil
}

// RemoveFile takes a volume away; a missing one is fine.
func (s *Sim) RemoveFile(volid string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.release(volid)
}

// SetUnreachable makes download-url fail for a host.
func (s *Sim) SetUnreachable(host string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cluster.unreachable[host] = true
}

// TemplateVM is a VM template to be cloned.
type TemplateVM struct {
	VMID  int
	Node  string            // "": the first one
	Name  string            // "": template-ID
	Disks map[string]string // interface to size, such as scsi0: 10G; the boot disk is the first in bus order
	Store string            // "": local-zfs
	NoCD  bool              // without the cloud-init drive ide2
	Extra map[string]string // further configuration
}

// AddTemplateVM adds a template with a cloud-init drive, guest agent and one network card.
func (s *Sim) AddTemplateVM(t TemplateVM) error {
	if t.Store == "" {
		t.Store = "local-zfs"
	}
	if t.Name == "" {
		t.Name = fmt.Sprintf("template-%d", t.VMID)
	}
	values := map[string]string{
		"name": t.Name, "ostype": "l26", "scsihw": "virtio-scsi-pci", "agent": "1", "serial0": "socket", "vga": "serial0",
		"cores": "2", "memory": "2048", "net0": "virtio,bridge=vmbr0",
	}
	if !t.NoCD {
		values["ide2"] = t.Store + ":cloudinit"
	}
	for k, size := range t.Disks {
		values[k] = fmt.Sprintf("%s:%g", t.Store, float64(parseSize(size))/(1<<30))
	}
	maps.Copy(values, t.Extra)
	if err := s.AddGuest("qemu", t.VMID, t.Node, values); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.makeTemplate(s.guests[t.VMID])
	return nil
}

// AddGuest adds a guest that someone else made, with volumes given as for a create
// (STORE:GiB). kind is lxc or qemu. Nothing is filled in but volumes and MACs.
func (s *Sim) AddGuest(kind string, vmid int, node string, values map[string]string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if node == "" {
		node = s.opt.Nodes[0]
	}
	if s.guests[vmid] != nil || s.nodes[node] == nil || s.tables.groups[kind] == nil {
		return fmt.Errorf("pvesim: can't add %s %d on node %q: taken, or no such node or kind", kind, vmid, node)
	}
	if errs := s.tables.check(s.tables.groups[kind], values, ""); len(errs) > 0 {
		return fmt.Errorf("pvesim: %s %d: %v", kind, vmid, errs)
	}
	g, set, made := newGuest(vmid, kind, node), maps.Clone(values), []string{}
	c := &call{Sim: s, params: map[string]string{}, node: s.nodes[node]}
	if kind == "qemu" {
		c.normalQEMU(set)
		if set["boot"] == "" {
			set["boot"] = bootOrder(s, set)
		}
	}
	for _, k := range sortedKeys(set) {
		switch {
		case g.volumeKey(k):
			v, err := s.makeVolume(g, k, s.parse(kind, k, set[k]), nil, &made)
			if err != nil {
				return fmt.Errorf("pvesim: %s %d: %s: %w", kind, vmid, k, err)
			}
			set[k] = v
		case kind == "lxc" && netKey.MatchString(k):
			set[k] = c.ctNet(set[k])
		case k == "tags":
			set[k] = normalTags(set[k])
		}
	}
	g.config = set
	st := s.stat(g)
	g.seen = &st
	s.guests[vmid] = g
	return nil
}

// AddPool adds a resource pool, and guests to it.
func (s *Sim) AddPool(id, comment string, vmids ...int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pools[id] = &pool{id: id, comment: comment, vms: vmids}
}

// edit changes a guest as another tool would.
func (s *Sim) edit(vmid int, f func(*guest)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.advance()
	g := s.guests[vmid]
	if g == nil {
		return fmt.Errorf("pvesim: no guest %d", vmid)
	}
	f(g)
	return nil
}

// SetConfig writes a key of a guest's configuration as it stands in the file; "" removes it.
func (s *Sim) SetConfig(vmid int, key, value string) error {
	return s.edit(vmid, func(g *guest) {
		if g.config[key] = value; value == "" {
			delete(g.config, key)
		}
	})
}

// SetLock sets the lock field of a guest (backup, create, …); "" takes it away.
func (s *Sim) SetLock(vmid int, lock string) error { return s.SetConfig(vmid, "lock", lock) }

// HoldLock holds a guest's lock file, so that writes answer `got timeout` at once, or lets it go.
func (s *Sim) HoldLock(vmid int, held bool) error {
	return s.edit(vmid, func(g *guest) { g.flocked = held })
}

// SetRunning starts or stops a guest at once.
func (s *Sim) SetRunning(vmid int, on bool) error {
	return s.edit(vmid, func(g *guest) { s.setRunning(g, on) })
}

// RemoveGuest destroys a guest at once, with its volumes.
func (s *Sim) RemoveGuest(vmid int) error {
	return s.edit(vmid, func(g *guest) {
		s.releaseAll(vmid)
		s.leave(g)
		delete(s.guests, vmid)
	})
}

// MoveGuest migrates a guest at once.
func (s *Sim) MoveGuest(vmid int, node string) error {
	if s.nodes[node] == nil {
		return fmt.Errorf("pvesim: no node %q", node)
	}
	return s.edit(vmid, func(g *guest) { g.node = node })
}

// SetNodeOnline takes a node away, so that its paths answer 595, or brings it back.
func (s *Sim) SetNodeOnline(node string, online bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.nodes[node] == nil {
		return fmt.Errorf("pvesim: no node %q", node)
	}
	s.nodes[node].online = online
	return nil
}

// SetACL replaces the access control list.
func (s *Sim) SetACL(acl []ACL) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.auth.acl = acl
}
