package plan

import (
	"context"
	"fmt"
	"net/url"
	"strings"

	"syslog-gateway/internal/infra/declaration"
	"syslog-gateway/internal/infra/pve"
)

// containerTemplate looks for the template of new containers. One that is not there is
// downloaded first, if the node's list of appliances knows it.
func (m *maker) containerTemplate(ctx context.Context, c *Change) error {
	volume := m.estate.ContainerTemplate
	s := m.live.storage[c.Node][store(volume)]
	if why := s.unfit(store(volume), c.Node, contentTemplate); why != "" {
		c.Blocks = append(c.Blocks, Block{Why: why})
		return nil
	}
	ok, err := m.has(ctx, c.Node, volume, contentTemplate)
	if err != nil || ok {
		return err
	}
	key := c.Node + ":" + volume
	id := ObjectTemplate + "/" + key
	if m.change(id) == nil {
		name := volume[strings.LastIndexByte(volume, '/')+1:]
		known, err := m.appliance(ctx, c.Node, name)
		if err != nil {
			return err
		}
		if !known {
			c.Blocks = append(c.Blocks, Block{Why: fmt.Sprintf("the container template %s is not on %s, and the node's list of appliances "+
				"does not have it: run `pveam update && pveam available` there, and declare one that exists", volume, c.Node)})
			return nil
		}
		// The node knows where it comes from, and compares the checksum.
		params := url.Values{"storage": {store(volume)}, "template": {name}}
		// Adding to the changes may move them: c is looked up again.
		own := c.ID()
		m.add(Change{
			Key: key, Object: ObjectTemplate, Action: Create, Name: volume, Node: c.Node,
			Fields: []Diff{{Path: "volume", To: volume, Note: "downloaded from the node's list of appliances"}},
			Steps:  []Step{write("download", "POST", pve.Path("nodes", c.Node, "aplinfo"), params)},
		})
		c = m.change(own)
	}
	c.After = append(c.After, id)
	return nil
}

// appliance says whether a node's list of appliances has a template.
func (m *maker) appliance(ctx context.Context, node, name string) (bool, error) {
	var list []struct{ Template string }
	path := pve.Path("nodes", node, "aplinfo")
	if err := m.api.Get(ctx, path, nil, &list); err != nil {
		if pve.IsForbidden(err) {
			return false, nil
		}
		return false, fmt.Errorf("read %s: %w", path, err)
	}
	for _, a := range list {
		if a.Template == name {
			return true, nil
		}
	}
	return false, nil
}

// snippet looks for the cloud-init file of a new VM. The API can't upload it: it is put
// there over SSH, or by hand.
func (m *maker) snippet(ctx context.Context, c *Change, v *declaration.VM) error {
	if why := m.live.storage[c.Node][store(v.SnippetFile)].unfit(store(v.SnippetFile), c.Node, contentSnippets); why != "" {
		c.Blocks = append(c.Blocks, Block{Why: why})
		return nil
	}
	ok, err := m.has(ctx, c.Node, v.SnippetFile, contentSnippets)
	if err != nil || ok {
		return err
	}
	if m.opts.Upload != nil {
		if content, ok := m.opts.Upload(v.SnippetFile); ok {
			c.Steps = append([]Step{{
				Op: OpUpload, Title: "upload " + v.SnippetFile, Path: c.Node, Volume: v.SnippetFile, Content: content,
			}}, c.Steps...)
			return nil
		}
	}
	c.Blocks = append(c.Blocks, Block{Why: fmt.Sprintf("its cloud-init file %s is not on %s, and the API can't upload it: give an SSH key "+
		"(PROXMOX_SSH_PRIVATE_KEY or PROXMOX_SSH_KEY_PATH), or put it there by hand", v.SnippetFile, c.Node)})
	return nil
}
