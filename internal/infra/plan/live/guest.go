// Package live reads what there is on Proxmox VE: guests, pools, storages, the firewall
// and certificates. It knows what belongs to the estate, and compares nothing.
package live

import (
	"context"
	"encoding/json"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"syslog-gateway/internal/infra/declaration"
	"syslog-gateway/internal/infra/plan/change"
	"syslog-gateway/internal/infra/plan/rules"
	"syslog-gateway/internal/infra/pve"
)

// Guest is a live guest.
type Guest struct {
	pve.Resource
	Conf     pve.Config // nil until it is read
	Firewall *Firewall  // nil until it is read
	Pending  []string   // keys that wait for a restart
	// Detached are the volumes that a restart takes off, by key. The configuration does
	// not show them any more, but they still belong to the guest.
	Detached map[string]string
}

// Firewall is what is set for a guest.
type Firewall struct {
	Options pve.Config
	Rules   []rules.Live
	Names   Names // of a guest; read if a rule names one
}

// Get is the value of a key of the configuration, "" where there is none.
func (g *Guest) Get(key string) string { return g.Conf[key] }

// Digest guards a write that was planned from the configuration.
func (g *Guest) Digest() string { return g.Conf.Digest() }

// Detaches reports whether the next start takes off the volume at a key.
func (g *Guest) Detaches(key string) bool { return g.Detached[key] != "" }

// Running reports whether the guest runs.
func (g *Guest) Running() bool { return g.Status == "running" }

// Kind is container or VM.
func (g *Guest) Kind() declaration.Kind { return declaration.Kind(g.Type) }

// Object is the kind of object that the guest is.
func (g *Guest) Object() string { return change.ObjectOf(g.Kind()) }

// Path is the guest's path in the API.
func (g *Guest) Path() string { return GuestPath(g.Node, g.Kind(), g.VMID) }

// Protected reports whether Proxmox VE refuses to remove the guest.
func (g *Guest) Protected() bool { return g.Conf.Bool("protection", false) }

// Unprivileged reports whether a container is unprivileged.
func (g *Guest) Unprivileged() bool { return g.Conf.Bool("unprivileged", false) }

// Called is the guest's name in messages: "the container web".
func (g *Guest) Called() string { return Words(g.Kind()) + " " + g.Name }

// Words is the name of a kind of guest in messages.
func Words(k declaration.Kind) string {
	if k == declaration.LXC {
		return "the container"
	}
	return "the VM"
}

// Splunk reports whether a guest has the tags that a Splunk VM is made with.
func (g *Guest) Splunk() bool {
	tags := SplitTags(g.Tags)
	lacks := func(t string) bool { return !slices.Contains(tags, t) }
	return !slices.ContainsFunc([]string{"terraform", "splunk", "enterprise"}, lacks)
}

// Filtered reports whether the firewall sees an interface of the guest.
func (g *Guest) Filtered() bool {
	for key, value := range g.Conf {
		if NICKeys.MatchString(key) && pve.ParseProps(value, "model").Get("firewall") == "1" {
			return true
		}
	}
	return false
}

// GuestPath is the path of a guest in the API.
func GuestPath(node string, kind declaration.Kind, vmid int) string {
	return pve.Path("nodes", node, string(kind), strconv.Itoa(vmid))
}

// GroupPath is the path of a security group in the API.
func GroupPath(name string) string { return pve.Path("cluster", "firewall", "groups", name) }

// SplitTags takes a list of tags, or of addresses, apart.
func SplitTags(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return r == ';' || r == ',' || r == ' ' })
}

// TagList is the form in which Proxmox VE stores tags: lower case, sorted, no doubles.
func TagList(tags []string) string {
	var out []string
	for _, t := range tags {
		if t = strings.ToLower(strings.TrimSpace(t)); t != "" {
			out = append(out, t)
		}
	}
	slices.Sort(out)
	return strings.Join(slices.Compact(out), ";")
}

// ReadPending reads what waits for a restart of the guests that run. Guests may be nil.
func (r *Reader) ReadPending(ctx context.Context, guests []*Guest) error {
	return r.all(ctx, func(ctx context.Context, b *batch) {
		for _, lv := range guests {
			if lv == nil || lv.Conf == nil || !lv.Running() {
				continue
			}
			var keys []pendingKey
			b.get(ctx, lv.Path()+"/pending", &keys, func() { lv.wait(keys) })
		}
	})
}

// wait takes down which keys wait for a restart.
func (g *Guest) wait(keys []pendingKey) {
	for _, k := range keys {
		if !k.waits() {
			continue
		}
		g.Pending = append(g.Pending, k.Key)
		if volume := k.detaches(); volume != "" {
			if g.Detached == nil {
				g.Detached = map[string]string{}
			}
			g.Detached[k.Key] = volume
		}
	}
}

// pendingKey is a key of a configuration with what a restart will make of it.
type pendingKey struct {
	Key     string
	Value   json.RawMessage
	Pending json.RawMessage
	Delete  pve.Int
}

func (k pendingKey) waits() bool {
	return k.Delete > 0 || len(k.Pending) > 0 && string(k.Pending) != string(k.Value)
}

var mountKeys = regexp.MustCompile(`^mp\d+$`)

// detaches is the volume that the restart takes off, "" for none.
func (k pendingKey) detaches() string {
	var value string
	if k.Delete == 0 || json.Unmarshal(k.Value, &value) != nil || !mountKeys.MatchString(k.Key) && !IsDisk(k.Key, value) {
		return ""
	}
	return value
}
