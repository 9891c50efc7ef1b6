// Package example fills a simulated Proxmox VE with what an estate needs and does not
// make itself: nodes, storages, templates, files. `provision simulate --example` serves
// it, and tests plan against it. How the simulator behaves is pvesim's subject.
package example

import (
	"slices"
	"strconv"

	"syslog-gateway/internal/infra/declaration"
	"syslog-gateway/internal/infra/pvesim"
)

// Cluster builds a simulator for an estate. It replaces the nodes and storages of the
// options.
func Cluster(e *declaration.Estate, options pvesim.Options) (*pvesim.Sim, error) {
	options.Nodes = e.Nodes()
	content := make(map[string][]string)
	for _, node := range options.Nodes {
		for _, use := range e.StoresOn(node) {
			content[use.Store] = append(content[use.Store], use.Content)
		}
	}
	options.Storages = nil
	for store, kinds := range content {
		options.Storages = append(options.Storages, storage(store, kinds))
	}
	sim, err := pvesim.New(options)
	if err != nil {
		return nil, err
	}
	if len(e.Containers) > 0 {
		if err := sim.AddTemplateFile(e.ContainerTemplate, 130<<20, 600<<20); err != nil {
			return nil, err
		}
	}
	if !e.Firewall.ManageCluster && slices.ContainsFunc(e.Guests(), func(g *declaration.Guest) bool { return g.Class != "" }) {
		// What the estate needs and does not switch on itself.
		sim.SetClusterFirewall(map[string]string{"enable": "1", "policy_in": "ACCEPT"})
	}
	for _, g := range e.Guests() {
		for _, n := range g.NICs {
			if err := sim.AddBridge(g.Node, n.Bridge); err != nil {
				return nil, err
			}
		}
	}
	templates := make(map[int]bool)
	for _, v := range e.AllVMs() {
		if err := addFiles(sim, v); err != nil {
			return nil, err
		}
		if v.Template == 0 || templates[v.Template] || len(v.Disks) == 0 {
			continue
		}
		templates[v.Template] = true
		boot := v.Disks[0]
		bios := map[string]string{}
		if v.BIOS != "" {
			bios["bios"] = v.BIOS
		}
		if v.EFI != nil {
			bios["efidisk0"] = v.EFI.Store + ":1,efitype=" + v.EFI.Type
		}
		err := sim.AddTemplateVM(pvesim.TemplateVM{VMID: v.Template, Node: v.Node, Store: boot.Store, Extra: bios,
			Disks: map[string]string{boot.Interface: strconv.Itoa(min(boot.Size, 10)) + "G"}})
		if err != nil {
			return nil, err
		}
	}
	return sim, nil
}

// addFiles adds the files that a VM names.
func addFiles(sim *pvesim.Sim, v declaration.VM) error {
	if v.Snippet != "" {
		if err := sim.AddFile(v.SnippetFile, int64(len(v.Snippet))); err != nil {
			return err
		}
	}
	for _, volume := range []string{v.CloudInit.User, v.CloudInit.Vendor, v.CloudInit.Network} {
		if volume != "" && volume != v.SnippetFile {
			if err := sim.AddFile(volume, 1000); err != nil {
				return err
			}
		}
	}
	if v.CDROM != "" {
		return sim.AddFile(v.CDROM, 700<<20)
	}
	return nil
}

// storage is a directory where files are kept, else a ZFS pool. Like those of an installation,
// it takes more than the declaration needs.
func storage(id string, kinds []string) pvesim.Storage {
	st := pvesim.Storage{ID: id, Type: "zfspool", Content: kinds, Path: "rpool/data", Total: 8 << 40}
	for _, kind := range kinds {
		if kind != "images" && kind != "rootdir" {
			st.Type, st.Path = "dir", "/var/lib/vz"
		}
	}
	usual := []string{"images", "rootdir"}
	if st.Type == "dir" {
		usual = []string{"backup", "import", "iso", "vztmpl"}
	}
	for _, kind := range usual {
		if !slices.Contains(kinds, kind) {
			st.Content = append(st.Content, kind)
		}
	}
	return st
}
