package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"syslog-gateway/internal/infra/declaration"
	"syslog-gateway/internal/infra/pve"
	"syslog-gateway/internal/printable"
)

func newCheck(s *settings) *cobra.Command {
	return &cobra.Command{
		Use:   "check",
		Short: "Preflight: API, credentials, rights, nodes, storages, templates, SSH",
		Long: `Looks at everything that an apply will need, and changes nothing: the API's version,
who we are and what we may, nodes, datastores and what they may hold, templates, the SSH
key for what the API cannot do. Exit code 1 where something fails.`,
		Args: cobra.NoArgs,
		RunE: does(func(cmd *cobra.Command, _ []string) error { return s.check(cmd) }),
	}
}

// The results of one look.
const (
	isFine = "ok"
	isWarn = "warn" // only some declarations need it
	isFail = "FAIL"
)

// look is one line of the preflight.
type look struct {
	State string `json:"state"`
	What  string `json:"what"`
	Says  string `json:"says"`
}

// preflight collects what was looked at.
type preflight struct {
	estate *declaration.Estate
	client *pve.Client
	rooted *pve.Client // root@pam beside a token; nil without one
	looks  []look
}

func (p *preflight) add(state, what, format string, args ...any) {
	p.looks = append(p.looks, look{state, what, fmt.Sprintf(format, args...)})
}

func (s *settings) check(cmd *cobra.Command) error {
	e, err := s.checked(cmd)
	if err != nil {
		return err
	}
	client, err := s.connect(e.Node)
	if err != nil {
		return err
	}
	defer client.Close()
	rooted, err := s.asRoot(e.Node)
	if err != nil {
		return err
	}
	if rooted != nil {
		defer rooted.Close()
	}
	p := &preflight{estate: e, client: client, rooted: rooted}
	p.run(cmd.Context())
	if s.asJSON {
		err = printJSON(cmd.OutOrStdout(), p.looks)
	} else {
		err = p.print(cmd, s)
	}
	failed := 0
	for _, l := range p.looks {
		if l.State == isFail {
			failed++
		}
	}
	if err == nil && failed > 0 {
		err = fmt.Errorf("%d of %s failed", failed, count(len(p.looks), "check"))
	}
	return err
}

func (p *preflight) print(cmd *cobra.Command, s *settings) error {
	paint := painter(s.colour(cmd.OutOrStdout()))
	colours := map[string]string{isFine: green, isWarn: yellow, isFail: red}
	for _, l := range p.looks {
		state := paint(colours[l.State], fmt.Sprintf("%-4s", l.State))
		if _, err := fmt.Fprintf(cmd.OutOrStdout(), "%s %s: %s\n", state, printable.Escape(l.What), printable.Escape(l.Says)); err != nil {
			return err
		}
	}
	return nil
}

// run looks in the order in which one thing needs the other; without an answer of the
// API nothing else is asked.
func (p *preflight) run(ctx context.Context) {
	v, err := p.client.Version(ctx)
	if err != nil {
		p.add(isFail, "API", "%v", err)
		return
	}
	p.add(isFine, "API", "Proxmox VE %s at %s", v.Version, os.Getenv("PROXMOX_VE_ENDPOINT"))
	p.rights(ctx)
	p.nodes(ctx)
	p.storages(ctx)
	p.templates(ctx)
	p.ssh(ctx)
}

// rights are those that all of the estate's objects together need.
func (p *preflight) rights(ctx context.Context) {
	granted, err := p.client.Permissions(ctx)
	if err != nil {
		p.add(isFail, "rights", "%v", err)
		return
	}
	var have []string
	for _, privileges := range granted {
		for name := range privileges {
			have = append(have, name)
		}
	}
	var missing []string
	for _, need := range []string{"Datastore.AllocateSpace", "Datastore.Audit", "Pool.Allocate", "SDN.Use", "Sys.Audit", "Sys.Modify",
		"VM.Allocate", "VM.Audit", "VM.Clone", "VM.Config.CPU", "VM.Config.Cloudinit", "VM.Config.Disk", "VM.Config.Memory",
		"VM.Config.Network", "VM.Config.Options", "VM.PowerMgmt"} {
		if !slices.Contains(have, need) {
			missing = append(missing, need)
		}
	}
	if len(missing) > 0 {
		p.add(isFail, "rights", "%s has nowhere %s: give its role these privileges", p.client.User(), strings.Join(missing, ", "))
	} else {
		p.add(isFine, "rights", "%s", p.client.User())
	}
	p.root(ctx)
}

// root looks whether somebody may do what only root@pam may, where that is needed.
func (p *preflight) root(ctx context.Context) {
	var needs []string
	for _, c := range p.estate.Containers {
		f := c.Features
		if f.Keyctl || f.Fuse || len(f.Mount) > 0 || f.Nesting && !c.Unprivileged {
			needs = append(needs, "the features of "+c.Key)
		}
	}
	for _, a := range p.estate.Extra.ACMEAccounts {
		needs = append(needs, "the ACME account "+a.Name)
	}
	if len(needs) == 0 || p.client.IsRoot() {
		return
	}
	what := strings.Join(needs, ", ")
	if p.rooted == nil {
		p.add(isWarn, "root@pam", "only root@pam with its password (PROXMOX_VE_USERNAME, PROXMOX_VE_PASSWORD) may set %s; no token may", what)
		return
	}
	if _, err := p.rooted.Version(ctx); err != nil {
		p.add(isFail, "root@pam", "its password in PROXMOX_VE_PASSWORD does not let it in: %v", err)
		return
	}
	p.add(isFine, "root@pam", "may set %s", what)
}

func (p *preflight) nodes(ctx context.Context) {
	for _, node := range p.usedNodes() {
		var st struct {
			Uptime pve.Int `json:"uptime"`
		}
		if err := p.client.Get(ctx, pve.Path("nodes", node, "status"), nil, &st); err != nil {
			p.add(isFail, "node "+node, "%v", err)
			continue
		}
		p.add(isFine, "node "+node, "up for %s", (time.Duration(st.Uptime) * time.Second).String())
	}
}

// usedNodes are the nodes that guests are on.
func (p *preflight) usedNodes() []string {
	nodes := []string{p.estate.Node}
	for _, g := range p.estate.Guests() {
		nodes = append(nodes, g.Node)
	}
	slices.Sort(nodes)
	return slices.Compact(nodes)
}

// liveStorage is a storage as a node sees it.
type liveStorage struct {
	Storage string  `json:"storage"`
	Content string  `json:"content"`
	Active  pve.Int `json:"active"`
	Avail   pve.Int `json:"avail"` // bytes
}

// storages checks that each datastore is there and may hold what goes on it.
func (p *preflight) storages(ctx context.Context) {
	for _, node := range p.usedNodes() {
		var there []liveStorage
		if err := p.client.Get(ctx, pve.Path("nodes", node, "storage"), nil, &there); err != nil {
			p.add(isFail, "storages of "+node, "%v", err)
			continue
		}
		for _, need := range storesOn(p.estate, node) {
			what := "storage " + need.store + " on " + node
			found := slices.IndexFunc(there, func(s liveStorage) bool { return s.Storage == need.store })
			switch {
			case found < 0:
				p.add(isFail, what, "is not there: correct datastore_id, or add it under Datacenter, Storage")
			case there[found].Active == 0:
				p.add(isFail, what, "is there and not active")
			case !slices.Contains(strings.Split(there[found].Content, ","), need.content):
				p.add(isFail, what, "may hold %s and not %s: enable it under Datacenter, Storage, Content", there[found].Content, need.content)
			default:
				p.add(isFine, what, "%s, %d GiB free", need.content, there[found].Avail>>30)
			}
		}
	}
}

// storeUse is what a storage must be able to hold.
type storeUse struct{ store, content string }

// storesOn are the storages that guests of a node need, each with the kind of content.
func storesOn(e *declaration.Estate, node string) []storeUse {
	var need []storeUse
	want := func(store, content string) {
		if u := (storeUse{store, content}); store != "" && !slices.Contains(need, u) {
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
	for _, v := range allVMs(e) {
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

// allVMs are the generic ones and Splunk.
func allVMs(e *declaration.Estate) []declaration.VM {
	all := slices.Clone(e.VMs)
	if e.Splunk != nil {
		all = append(all, *e.Splunk)
	}
	return all
}

// templates checks what guests are made from.
func (p *preflight) templates(ctx context.Context) {
	if store, _, ok := strings.Cut(p.estate.ContainerTemplate, ":"); ok && len(p.estate.Containers) > 0 {
		for _, node := range p.containerNodes() {
			p.volume(ctx, node, store, "vztmpl", p.estate.ContainerTemplate)
		}
	}
	resources, err := p.client.Resources(ctx)
	if err != nil {
		p.add(isFail, "templates", "%v", err)
		return
	}
	var looked []int
	for _, v := range allVMs(p.estate) {
		if v.Template == 0 || slices.Contains(looked, v.Template) {
			continue
		}
		looked = append(looked, v.Template)
		i := slices.IndexFunc(resources, func(r pve.Resource) bool { return r.VMID == v.Template && r.Type == "qemu" })
		what := "template " + strconv.Itoa(v.Template)
		switch {
		case i < 0:
			p.add(isFail, what, "is not there, or hidden by a missing right (VM.Audit); %s is cloned from it", v.Key)
		case !resources[i].Template:
			p.add(isFail, what, "is a VM (%s), not a template", resources[i].Name)
		default:
			p.add(isFine, what, "%s", resources[i].Name)
		}
	}
}

func (p *preflight) containerNodes() (nodes []string) {
	for _, c := range p.estate.Containers {
		nodes = append(nodes, c.Node)
	}
	slices.Sort(nodes)
	return slices.Compact(nodes)
}

// liveVolume is a file or disk on a storage.
type liveVolume struct {
	VolID string `json:"volid"`
}

func (p *preflight) volume(ctx context.Context, node, store, content, volume string) {
	var there []liveVolume
	err := p.client.Get(ctx, pve.Path("nodes", node, "storage", store, "content"), url.Values{"content": {content}}, &there)
	switch {
	case err != nil:
		p.add(isFail, volume, "%v", err)
	case !slices.Contains(there, liveVolume{volume}):
		p.add(isFail, volume, "is not on %s: download it, `pveam update && pveam download %s %s`", node, store, volume[strings.LastIndex(volume, "/")+1:])
	default:
		p.add(isFine, volume, "on %s", node)
	}
}

// ssh only matters to what is put on the node over SSH.
func (p *preflight) ssh(ctx context.Context) {
	splunk := p.estate.Splunk
	if splunk == nil || splunk.Snippet == "" {
		return
	}
	up := newUploader(p.estate, p.client)
	switch err := up.probe(ctx, splunk.Node); {
	case errors.Is(err, errNoKey):
		p.add(isWarn, "SSH", "%v; without one %s must be put on the node by hand", err, splunk.SnippetFile)
	case err != nil:
		p.add(isFail, "SSH", "%v", err)
	default:
		p.add(isFine, "SSH", "%s", up.address(splunk.Node))
	}
}
