// Package storage checks what new guests and new disks need before anything is made:
// storages, their content types and space, templates, ISO images and cloud-init files.
package storage

import (
	"cmp"
	"context"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"syslog-gateway/internal/infra/declaration"
	"syslog-gateway/internal/infra/plan/change"
	"syslog-gateway/internal/infra/plan/live"
	"syslog-gateway/internal/infra/plan/scope"
	"syslog-gateway/internal/infra/pve"
)

// Content types of storages.
const (
	contentImages   = "images"
	contentRoot     = "rootdir"
	contentTemplate = "vztmpl"
	contentSnippets = "snippets"
	contentISO      = "iso"
)

// need is what a guest asks of a storage.
type need struct {
	key, node, store, content string
	gib                       int
}

// Checker checks what the plan needs from storages.
type Checker struct {
	Scope *scope.Scope
	Live  *live.Reader // storages and their content are read when they are needed
	List  *change.List // the plan: what is missing blocks its changes
	// Upload gives the content of a cloud-init file that can be put on the node over SSH;
	// optional.
	Upload func(volume string) (content []byte, ok bool)
}

// Check blocks the creations and new disks of the plan that cannot be made, and adds what
// has to be made before them. The error is one of reading.
func (k *Checker) Check(ctx context.Context) error {
	var needs []need
	for _, c := range slices.Clone(k.List.Changes) {
		if g := k.Scope.Guest(c.Key); c.Guest() && g != nil {
			needs = append(needs, k.needs(c, g)...)
		}
	}
	expects := k.Scope.All() && len(k.Scope.Datastores) > 0
	if len(needs) == 0 && !expects {
		return k.bridges(ctx)
	}
	var nodes []string
	for _, n := range needs {
		nodes = append(nodes, n.node)
	}
	if expects {
		nodes = append(nodes, k.Scope.Node)
	}
	for _, v := range k.Scope.QEMU() {
		if t := k.Live.Guests[v.Template]; t != nil && t.Node != v.Node && k.Live.Of(&v.Guest) == nil {
			nodes = append(nodes, t.Node)
		}
	}
	if err := k.Live.ReadStorage(ctx, nodes); err != nil {
		return err
	}
	if expects {
		k.datastores()
	}
	k.space(needs)
	if err := k.bridges(ctx); err != nil {
		return err
	}
	k.vmTemplates()
	return k.volumes(ctx)
}

// bridges refuses network cards on bridges that the node does not have: the guest would be
// made, and not start. Virtual networks of SDN are among the node's bridges.
func (k *Checker) bridges(ctx context.Context) error {
	byNode := map[string][]string{}
	for _, g := range k.Scope.Guests {
		c := k.List.Find(change.GuestID(g))
		if c == nil || c.Action == change.Wait || c.Action == change.Refuse {
			continue
		}
		for i, n := range g.NICs {
			if lv := k.Live.Of(g); lv != nil && !c.Creates() && pve.ParseProps(lv.Get("net"+strconv.Itoa(i)), "model").Get("bridge") == n.Bridge {
				continue
			}
			there, read := byNode[c.Node]
			if !read {
				var err error
				if there, err = k.Live.Bridges(ctx, c.Node); err != nil {
					return err
				}
				byNode[c.Node] = there
			}
			// A user without rights on the network sees no bridge.
			if len(there) > 0 && !slices.Contains(there, n.Bridge) {
				c.Blocks = append(c.Blocks, change.Block{Why: fmt.Sprintf("net%d is declared on the bridge %s, and node %s has %s: declare one of these, or make it there",
					i, n.Bridge, c.Node, strings.Join(there, ", "))})
			}
		}
	}
	return nil
}

// needs are the volumes that a change allocates.
func (k *Checker) needs(c change.Change, g *declaration.Guest) []need {
	var out []need
	lv := k.Live.Of(g)
	add := func(key, where, content string, size int) {
		have := 0.0
		if lv != nil && c.Action != change.Replace && live.Store(live.VolumeOf(lv.Get(key))) == where {
			have = live.Mebibytes(pve.ParseProps(lv.Get(key), "file").Get("size")) / 1024
		}
		if more := size - int(have); more > 0 {
			out = append(out, need{key: c.Key, node: c.Node, store: where, content: content, gib: more})
		}
	}
	if ct := k.Scope.Container(g); ct != nil {
		add("rootfs", ct.Root.Store, contentRoot, ct.Root.Size)
		paths := map[string]string{}
		if lv != nil {
			for key, value := range lv.Conf {
				if strings.HasPrefix(key, "mp") {
					paths[pve.ParseProps(value, "volume").Get("mp")] = key
				}
			}
		}
		for _, mp := range ct.Mounts {
			add(paths[mp.Path], mp.Store, contentRoot, mp.Size)
		}
		return out
	}
	for _, d := range k.Scope.VM(g).Disks {
		add(d.Interface, d.Store, contentImages, d.Size)
	}
	return out
}

// datastores adds notes on declared datastores that the node's storages do not match.
func (k *Checker) datastores() {
	for _, d := range k.Scope.Datastores {
		s := k.Live.Storage[k.Scope.Node][d.Name]
		if s.Storage != "" && d.Type != "" && s.Type != d.Type {
			k.List.AddNote(d.Name, "the datastore is declared as %s, but it is %s: it stays", d.Type, s.Type)
		}
		for _, content := range d.Content {
			if why := unfit(s, d.Name, k.Scope.Node, content); why != "" {
				k.List.AddNote(d.Name, "%s", why)
				if s.Storage == "" {
					break
				}
			}
		}
	}
}

// space compares the space that is needed with the space that is free. A guest that does
// not fit is refused. A sum that does not fit is a note, since most storages are thin.
func (k *Checker) space(needs []need) {
	perGuest, total := map[string]int{}, map[string]int{}
	said := map[string]bool{}
	for _, n := range needs {
		id := n.key + " " + n.store
		why := unfit(k.Live.Storage[n.node][n.store], n.store, n.node, n.content)
		if why != "" && !said[id] {
			said[id] = true
			k.List.Refuse(n.key, why)
		}
		perGuest[id] += n.gib
		total[n.node+"/"+n.store] += n.gib
		if free := int(k.Live.Storage[n.node][n.store].Avail >> 30); why == "" && perGuest[id] > free && !said[id] {
			said[id] = true
			k.List.Refuse(n.key, fmt.Sprintf("storage %s on %s is full: it asks for %d GiB, %d GiB are free: free some space, or declare a smaller disk or another storage",
				n.store, n.node, perGuest[id], free))
		}
	}
	for _, n := range needs {
		id := n.node + "/" + n.store
		if free := int(k.Live.Storage[n.node][n.store].Avail >> 30); total[id] > free && !said[id] && free > 0 {
			said[id] = true
			k.List.AddNote(n.store, "storage %s on %s has %d GiB free, new disks may grow to %d GiB together", n.store, n.node, free, total[id])
		}
	}
}

// unfit returns why a storage cannot hold a kind of content, "" when it can.
func unfit(s live.Storage, name, node, content string) string {
	switch {
	case s.Storage == "":
		return fmt.Sprintf("node %s has no storage %s: declare one that it has", node, name)
	case s.Enabled == 0:
		return fmt.Sprintf("storage %s is disabled on %s: enable it", name, node)
	case s.Active == 0:
		return fmt.Sprintf("storage %s is not active on %s: check it there", name, node)
	case !slices.Contains(strings.Split(s.Content, ","), content):
		return fmt.Sprintf("storage %s does not take content %s (it takes %s): add it with `pvesm set %s --content %s,%s`",
			name, content, s.Content, name, s.Content, content)
	}
	return ""
}

// vmTemplates checks the templates that VMs are cloned from.
func (k *Checker) vmTemplates() {
	for _, v := range k.Scope.QEMU() {
		c := k.List.Find(change.GuestID(&v.Guest))
		if c == nil || !c.Creates() || v.Template == 0 || c.Resumes {
			continue
		}
		t := k.Live.Guests[v.Template]
		for _, why := range append(templateFaults(t, v), k.elsewhere(t, v)...) {
			k.List.Refuse(v.Key, why)
		}
	}
}

// elsewhere refuses a template on another node whose disks only that node sees: Proxmox VE
// clones to another node from shared storages alone.
func (k *Checker) elsewhere(t *live.Guest, v *declaration.VM) []string {
	if t == nil || t.Node == v.Node {
		return nil
	}
	var out []string
	for _, key := range t.DiskList() {
		name := live.Store(live.VolumeOf(t.Get(key)))
		if s := k.Live.Storage[t.Node][name]; s.Storage != "" && s.Shared == 0 {
			out = append(out, fmt.Sprintf("template %d is on %s, and its %s is on %s, which is not shared: it cannot be cloned to %s: make a template there, or declare node %s",
				v.Template, t.Node, key, name, v.Node, t.Node))
		}
	}
	return out
}

func templateFaults(t *live.Guest, v *declaration.VM) []string {
	id := strconv.Itoa(v.Template)
	switch {
	case t == nil:
		return []string{"there is no template " + id + ": make it (see docs), or declare the VMID of one that exists"}
	case t.Kind() != declaration.QEMU || !t.Template:
		return []string{fmt.Sprintf("%s (%s %s) is not a template of a VM: run `qm template %s`, or declare another", id, t.Type, t.Name, id)}
	case len(v.Disks) == 0:
		return nil
	}
	var out []string
	boot := v.Disks[0]
	if value, ok := t.Conf[boot.Interface]; !ok || !live.IsDisk(boot.Interface, value) {
		out = append(out, fmt.Sprintf("its boot disk is declared as %s, but template %s has %s: a blank disk would not boot; declare the template's interface",
			boot.Interface, id, strings.Join(t.DiskList(), ", ")))
	}
	if v.Key == declaration.SplunkKey && len(v.Disks) > 1 && !strings.HasPrefix(v.Disks[1].Interface, "scsi") && !strings.HasPrefix(v.Disks[1].Interface, "virtio") {
		out = append(out, fmt.Sprintf("its data disk is declared on %s, and the first boot only finds one on scsi or virtio: declare such an interface", v.Disks[1].Interface))
	}
	if has := cmp.Or(t.Get("bios"), "seabios"); v.BIOS != "" && v.BIOS != has {
		out = append(out, fmt.Sprintf("its bios is declared as %s, but template %s has %s: declare that, or another template", v.BIOS, id, has))
	}
	for _, d := range v.Disks {
		size := pve.ParseProps(t.Get(d.Interface), "file").Get("size")
		if live.Mebibytes(size) > float64(d.Size*1024) {
			out = append(out, fmt.Sprintf("%s is declared with %d GiB, but that of template %s has %s, and disks only grow: declare at least that",
				d.Interface, d.Size, id, size))
		}
	}
	return out
}

// volumes checks that the files exist that new guests are made from.
func (k *Checker) volumes(ctx context.Context) error {
	for _, g := range k.Scope.Guests {
		c := k.List.Find(change.GuestID(g))
		if c == nil || !c.Creates() || c.Resumes {
			continue
		}
		if why := k.Scope.SSH.GuestKeyFault; why != "" {
			c.Blocks = append(c.Blocks, change.Block{Why: why})
		}
		if k.Scope.Container(g) != nil {
			if err := k.containerTemplate(ctx, c); err != nil {
				return err
			}
			continue
		}
		v := k.Scope.VM(g)
		if v.CDROM != "" {
			if err := k.file(ctx, c, v.CDROM, contentISO, "upload the image to the storage"); err != nil {
				return err
			}
		}
		if v.Snippet != "" {
			if err := k.snippet(ctx, c, v); err != nil {
				return err
			}
		}
		for _, volume := range []string{v.CloudInit.User, v.CloudInit.Vendor, v.CloudInit.Network} {
			if volume == "" || volume == v.SnippetFile {
				continue
			}
			if err := k.file(ctx, c, volume, contentSnippets, "put it into the folder snippets of the storage"); err != nil {
				return err
			}
		}
	}
	return nil
}

// file blocks a change whose file is missing.
func (k *Checker) file(ctx context.Context, c *change.Change, volume, content, fix string) error {
	if s := k.Live.Storage[c.Node][live.Store(volume)]; unfit(s, live.Store(volume), c.Node, content) != "" {
		c.Blocks = append(c.Blocks, change.Block{Why: unfit(s, live.Store(volume), c.Node, content)})
		return nil
	}
	ok, err := k.Live.HasVolume(ctx, c.Node, volume, content)
	if err == nil && !ok {
		c.Blocks = append(c.Blocks, change.Block{Why: fmt.Sprintf("%s is not on %s: %s", volume, c.Node, fix)})
	}
	return err
}

// containerTemplate checks the template of new containers. A missing one is
// downloaded first, if the node's list of appliances knows it.
func (k *Checker) containerTemplate(ctx context.Context, c *change.Change) error {
	volume := k.Scope.ContainerTemplate
	s := k.Live.Storage[c.Node][live.Store(volume)]
	if why := unfit(s, live.Store(volume), c.Node, contentTemplate); why != "" {
		c.Blocks = append(c.Blocks, change.Block{Why: why})
		return nil
	}
	ok, err := k.Live.HasVolume(ctx, c.Node, volume, contentTemplate)
	if err != nil || ok {
		return err
	}
	key := c.Node + ":" + volume
	id := change.ObjectTemplate + "/" + key
	if k.List.Find(id) == nil {
		name := volume[strings.LastIndexByte(volume, '/')+1:]
		known, err := k.Live.HasAppliance(ctx, c.Node, name)
		if err != nil {
			return err
		}
		if !known {
			c.Blocks = append(c.Blocks, change.Block{Why: fmt.Sprintf("the container template %s is not on %s, and the node's list of appliances "+
				"does not have it: run `pveam update && pveam available` there, and declare one that exists", volume, c.Node)})
			return nil
		}
		// The node knows where it comes from, and compares the checksum.
		params := url.Values{"storage": {live.Store(volume)}, "template": {name}}
		// Add may reallocate the changes: c is found again below.
		own := c.ID()
		k.List.Add(change.Change{
			Key: key, Object: change.ObjectTemplate, Action: change.Create, Name: volume, Node: c.Node,
			Fields: []change.Diff{{Path: "volume", To: volume, Note: "downloaded from the node's list of appliances"}},
			Steps:  []change.Step{change.Write("download", "POST", pve.Path("nodes", c.Node, "aplinfo"), params)},
		})
		c = k.List.Find(own)
	}
	c.After = append(c.After, id)
	return nil
}

// snippet checks the cloud-init file of a new VM. The API cannot upload it: it is put
// there over SSH, or by hand.
func (k *Checker) snippet(ctx context.Context, c *change.Change, v *declaration.VM) error {
	if why := unfit(k.Live.Storage[c.Node][live.Store(v.SnippetFile)], live.Store(v.SnippetFile), c.Node, contentSnippets); why != "" {
		c.Blocks = append(c.Blocks, change.Block{Why: why})
		return nil
	}
	ok, err := k.Live.HasVolume(ctx, c.Node, v.SnippetFile, contentSnippets)
	if err != nil || ok {
		return err
	}
	if k.Upload != nil {
		if content, ok := k.Upload(v.SnippetFile); ok {
			c.Steps = append([]change.Step{{
				Op: change.OpUpload, Title: "upload " + v.SnippetFile, Path: c.Node, Volume: v.SnippetFile, Content: content,
			}}, c.Steps...)
			return nil
		}
	}
	c.Blocks = append(c.Blocks, change.Block{Why: fmt.Sprintf("its cloud-init file %s is not on %s, and the API cannot upload it: give an SSH key "+
		"(PROXMOX_SSH_PRIVATE_KEY or PROXMOX_SSH_KEY_PATH), or put it there by hand", v.SnippetFile, c.Node)})
	return nil
}
