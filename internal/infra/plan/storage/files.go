package storage

import (
	"context"
	"fmt"
	"net/url"
	"strings"

	"syslog-gateway/internal/infra/declaration"
	"syslog-gateway/internal/infra/plan/change"
	"syslog-gateway/internal/infra/plan/live"
	"syslog-gateway/internal/infra/pve"
)

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
