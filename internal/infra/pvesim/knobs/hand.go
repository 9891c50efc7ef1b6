package knobs

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"syslog-gateway/internal/infra/pvesim/store"
)

// Hand changes the cluster as another person or tool would, at once and without a request.
type Hand struct{ cluster *store.Cluster }

// NewHand is the hand on a cluster.
func NewHand(c *store.Cluster) *Hand { return &Hand{c} }

// AddStorage adds a datastore, or replaces one with its volumes.
func (h *Hand) AddStorage(st store.Storage) {
	h.cluster.Do(func() { h.cluster.Datastores.Add(st) })
}

// SetStorageUsed sets how much of a datastore is used in all, so that a test can fill it.
func (h *Hand) SetStorageUsed(id string, used int64) error {
	return h.storage(id, func(st *store.Datastore) { st.SetUsed(used) })
}

// SetStorageOffline makes a datastore inactive, or active again.
func (h *Hand) SetStorageOffline(id string, offline bool) error {
	return h.storage(id, func(st *store.Datastore) { st.Offline = offline })
}

func (h *Hand) storage(id string, change func(*store.Datastore)) (err error) {
	h.cluster.Do(func() {
		st := h.cluster.Datastores.Get(id)
		if st == nil {
			err = fmt.Errorf("pvesim: no storage %q", id)
			return
		}
		change(st)
	})
	return err
}

// AddFile puts a file on a storage, as by scp: local:iso/x.iso, local:vztmpl/x.tar.zst,
// local:snippets/x.yml. Size is in bytes.
func (h *Hand) AddFile(volid string, size int64) error { return h.AddTemplateFile(volid, size, 0) }

// AddTemplateFile is [Hand.AddFile] for a container template of which unpacked bytes must
// fit into a root file system.
func (h *Hand) AddTemplateFile(volid string, size, unpacked int64) (err error) {
	h.cluster.Do(func() {
		id, name, _ := strings.Cut(volid, ":")
		content, file, ok := strings.Cut(name, "/")
		st := h.cluster.Datastores.Get(id)
		if st == nil || !ok {
			err = fmt.Errorf("pvesim: %q is no file on a storage that exists", volid)
			return
		}
		format := store.FileFormat(file)
		if content == "snippets" {
			format = "snippet"
		}
		h.cluster.Datastores.PutFile(st, &store.Volume{ID: volid, Content: content, Format: format, Size: size, Unpacked: unpacked})
	})
	return err
}

// RemoveFile takes a volume away; a missing one is fine.
func (h *Hand) RemoveFile(volid string) {
	h.cluster.Do(func() { h.cluster.Datastores.Release(volid) })
}

// SetUnreachable makes download-url fail for a host.
func (h *Hand) SetUnreachable(host string) {
	h.cluster.Do(func() { h.cluster.Datastores.Unreachable[host] = true })
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
func (h *Hand) AddTemplateVM(t TemplateVM) error {
	t.Store = cmp.Or(t.Store, "local-zfs")
	t.Name = cmp.Or(t.Name, fmt.Sprintf("template-%d", t.VMID))
	values := map[string]string{
		"name": t.Name, "ostype": "l26", "scsihw": "virtio-scsi-pci", "agent": "1", "serial0": "socket", "vga": "serial0",
		"cores": "2", "memory": "2048", "net0": "virtio,bridge=vmbr0",
	}
	if !t.NoCD {
		values["ide2"] = t.Store + ":cloudinit"
	}
	for k, size := range t.Disks {
		values[k] = fmt.Sprintf("%s:%g", t.Store, float64(store.ParseSize(size))/(1<<30))
	}
	maps.Copy(values, t.Extra)
	if err := h.AddGuest("qemu", t.VMID, t.Node, values); err != nil {
		return err
	}
	return h.guest(t.VMID, h.cluster.Volumes.MakeTemplate)
}

// AddGuest adds a guest that someone else made, with volumes given as for a create
// (STORE:GiB). kind is lxc or qemu, the node "" the first one. Nothing is filled in but
// volumes and MACs.
func (h *Hand) AddGuest(kind string, vmid int, node string, values map[string]string) (err error) {
	h.cluster.Do(func() { err = h.addGuest(kind, vmid, node, maps.Clone(values)) })
	return err
}

func (h *Hand) addGuest(kind string, vmid int, node string, values map[string]string) error {
	c := h.cluster
	node = cmp.Or(node, c.Nodes.First().Name)
	if c.Guests.Get(vmid) != nil || c.Nodes.Get(node) == nil || kind != "lxc" && kind != "qemu" {
		return fmt.Errorf("pvesim: cannot add %s %d on node %q: taken, or no such node or kind", kind, vmid, node)
	}
	if errs := c.Tables.CheckGroup(kind, values); len(errs) > 0 {
		return fmt.Errorf("pvesim: %s %d: %v", kind, vmid, errs)
	}
	g, made := store.NewGuest(vmid, kind, node), []string{}
	c.Normalize(kind, values)
	if kind == "qemu" && values["boot"] == "" {
		values["boot"] = store.BootOrder(c.Tables, values)
	}
	for _, k := range slices.Sorted(maps.Keys(values)) {
		if !g.IsVolume(k) {
			continue
		}
		v, err := c.Volumes.Make(g, k, values[k], nil, &made)
		if err != nil {
			return fmt.Errorf("pvesim: %s %d: %s: %w", kind, vmid, k, err)
		}
		values[k] = v
	}
	g.Config = values
	c.Monitor.Record(g)
	c.Guests.Add(g)
	return nil
}

// AddBridge gives a node a bridge; one that is there stays.
func (h *Hand) AddBridge(node, name string) error {
	n := h.cluster.Nodes.Get(node)
	if n == nil {
		return fmt.Errorf("pvesim: no node %q", node)
	}
	h.cluster.Do(func() {
		if !slices.ContainsFunc(n.Networks, func(have map[string]any) bool { return have["iface"] == name }) {
			n.Networks = append(n.Networks, map[string]any{"iface": name, "type": "bridge", "method": "manual", "method6": "manual",
				"active": 1, "autostart": 1, "priority": 5, "families": []string{"inet"}})
		}
	})
	return nil
}

// SetClusterFirewall sets options of the cluster's firewall.
func (h *Hand) SetClusterFirewall(options map[string]string) {
	h.cluster.Do(func() { maps.Copy(h.cluster.Firewall.Options, options) })
}

// AddPool adds a resource pool, and guests to it.
func (h *Hand) AddPool(id, comment string, vmids ...int) {
	h.cluster.Do(func() { h.cluster.Pools.Add(&store.Pool{ID: id, Comment: comment, Guests: vmids}) })
}

// guest changes a guest after what is due is done.
func (h *Hand) guest(vmid int, change func(*store.Guest)) (err error) {
	h.cluster.Do(func() {
		h.cluster.Advance()
		g := h.cluster.Guests.Get(vmid)
		if g == nil {
			err = fmt.Errorf("pvesim: no guest %d", vmid)
			return
		}
		change(g)
	})
	return err
}

// SetConfig writes a key of a guest's configuration as it stands in the file; "" removes it.
func (h *Hand) SetConfig(vmid int, key, value string) error {
	return h.guest(vmid, func(g *store.Guest) {
		if g.Config[key] = value; value == "" {
			delete(g.Config, key)
		}
	})
}

// SetLock sets the lock field of a guest (backup, create, …); "" takes it away.
func (h *Hand) SetLock(vmid int, lock string) error { return h.SetConfig(vmid, "lock", lock) }

// HoldLock holds a guest's lock file, so that writes answer `got timeout` at once, or lets it go.
func (h *Hand) HoldLock(vmid int, held bool) error {
	return h.guest(vmid, func(g *store.Guest) { g.Flocked = held })
}

// SetRunning starts or stops a guest at once.
func (h *Hand) SetRunning(vmid int, on bool) error {
	return h.guest(vmid, func(g *store.Guest) { h.cluster.SetRunning(g, on) })
}

// RemoveGuest destroys a guest at once, with its volumes.
func (h *Hand) RemoveGuest(vmid int) error {
	return h.guest(vmid, func(g *store.Guest) {
		h.cluster.Datastores.ReleaseAll(vmid)
		h.cluster.Remove(g)
	})
}

// MoveGuest migrates a guest at once.
func (h *Hand) MoveGuest(vmid int, node string) error {
	if h.cluster.Nodes.Get(node) == nil {
		return fmt.Errorf("pvesim: no node %q", node)
	}
	return h.guest(vmid, func(g *store.Guest) { g.Node = node })
}

// SetNodeOnline takes a node away, so that its paths answer 595, or brings it back.
func (h *Hand) SetNodeOnline(node string, online bool) error {
	n := h.cluster.Nodes.Get(node)
	if n == nil {
		return fmt.Errorf("pvesim: no node %q", node)
	}
	h.cluster.Do(func() { n.Online = online })
	return nil
}
