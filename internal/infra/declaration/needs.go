package declaration

import (
	"slices"
	"strings"
)

// AllVMs gives the generic VMs and Splunk's.
func (e *Estate) AllVMs() []VM {
	all := slices.Clone(e.VMs)
	if e.Splunk != nil {
		all = append(all, *e.Splunk)
	}
	return all
}

// Nodes gives the default node and the nodes of all guests, sorted, each once.
func (e *Estate) Nodes() []string {
	nodes := []string{e.Node}
	for _, g := range e.Guests() {
		nodes = append(nodes, g.Node)
	}
	slices.Sort(nodes)
	return slices.Compact(nodes)
}

// StoreUse is a storage and a kind of content that it must hold, as Proxmox VE calls it.
type StoreUse struct{ Store, Content string }

// StoresOn gives what the guests of a node need of its storages, each use once.
func (e *Estate) StoresOn(node string) []StoreUse {
	var need []StoreUse
	want := func(store, content string) {
		if u := (StoreUse{store, content}); store != "" && !slices.Contains(need, u) {
			need = append(need, u)
		}
	}
	for _, c := range e.Containers {
		if c.Node != node {
			continue
		}
		want(c.Root.Store, "rootdir")
		for _, m := range c.Mounts {
			want(m.Store, "rootdir")
		}
		store, _, _ := strings.Cut(e.ContainerTemplate, ":")
		want(store, "vztmpl")
	}
	for _, v := range e.AllVMs() {
		if v.Node != node {
			continue
		}
		for _, d := range v.Disks {
			want(d.Store, "images")
		}
		if v.Snippet != "" {
			store, _, _ := strings.Cut(v.SnippetFile, ":")
			want(store, "snippets")
		}
	}
	return need
}
