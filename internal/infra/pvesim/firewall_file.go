package pvesim

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// firewall is one firewall file: of the cluster, a node or a guest.
type firewall struct {
	options config
	rules   ruleset
	groups  map[string]*group // of the cluster only
	ipsets  map[string]*ipset
	aliases map[string]*alias
}

type ruleset struct{ list []config }

type group struct {
	comment string
	rules   ruleset
}

type ipset struct {
	comment string
	entries []config
}

type alias struct{ cidr, comment string }

func newFirewall() *firewall {
	return &firewall{options: config{}, groups: map[string]*group{}, ipsets: map[string]*ipset{}, aliases: map[string]*alias{}}
}

// entry is an object as the API shows it.
type entry map[string]any

// digestOf is Firewall.pm copy_list_with_digest: SHA-1 over key:value lines of all
// entries, keys sorted.
func digestOf(entries ...entry) string {
	var b strings.Builder
	for _, e := range entries {
		for _, k := range sortedKeys(e) {
			fmt.Fprintf(&b, "%s:%v\n", k, e[k])
		}
	}
	return sha1Hex(b.String())
}

// withDigest adds the common digest to every entry.
func withDigest(entries []entry) []entry {
	d := digestOf(entries...)
	out := []entry{}
	for _, e := range entries {
		shown := entry{"digest": d}
		for k, v := range e {
			shown[k] = v
		}
		out = append(out, shown)
	}
	return out
}

func checkEntries(digest string, entries []entry) error {
	if digest != "" && digest != digestOf(entries...) {
		return errModified
	}
	return nil
}

// entries are the rules without positions.
func (r *ruleset) entries() []entry {
	var out []entry
	for _, rule := range r.list {
		e := entry{}
		for k, v := range rule {
			e[k] = v
			if k == "enable" {
				e[k] = atoi(v)
			}
		}
		for _, k := range []string{"source", "dest"} {
			if v := ipVersion(rule[k]); v > 0 {
				e["ipversion"] = v
			}
		}
		out = append(out, e)
	}
	return out
}

// ipVersion is 4 or 6, or 0 for an alias, a set or nothing.
func ipVersion(addr string) int {
	first, _, _ := strings.Cut(strings.Split(addr, ",")[0], "-")
	a, err := netip.ParseAddr(first)
	if p, perr := netip.ParsePrefix(first); perr == nil {
		a, err = p.Addr(), nil
	}
	switch {
	case err != nil:
		return 0
	case a.Is4():
		return 4
	}
	return 6
}

func (r *ruleset) shown() []entry {
	out := withDigest(r.entries())
	for i := range out {
		out[i]["pos"] = i
	}
	return out
}

// at finds a rule by the position in the path.
func (r *ruleset) at(c *call) (int, error) {
	i, err := strconv.Atoi(c.str("pos"))
	if err != nil || i < 0 || i >= len(r.list) {
		return 0, fail("no rule at position %s", c.str("pos"))
	}
	return i, nil
}

var ruleKeys = []string{"action", "type", "comment", "dest", "dport", "enable", "icmp-type", "iface", "log", "macro", "proto", "source", "sport"}

var guestIface = regexp.MustCompile(`^net\d+$`)

// verifyRule is Firewall.pm verify_rule.
func verifyRule(r config, where string) error {
	errs := map[string]string{}
	switch {
	case r["type"] == "group" && where == "group":
		errs["type"] = "security groups can't contain other groups"
	case r["type"] != "group" && !slices.Contains([]string{"ACCEPT", "DROP", "REJECT"}, r["action"]):
		errs["action"] = "unknown action '" + r["action"] + "'"
	}
	if r["iface"] != "" && where == "guest" && !guestIface.MatchString(r["iface"]) {
		errs["iface"] = "value does not match the regex pattern 'net\\d+'"
	}
	for _, k := range []string{"dport", "sport", "icmp-type"} {
		if r[k] != "" && r["proto"] == "" && r["macro"] == "" {
			errs["proto"] = "missing property - '" + k + "' requires this property"
		}
	}
	if len(errs) > 0 {
		return badParams(errs)
	}
	return nil
}

func (c *call) ruleFromParams() config {
	r := config{}
	for _, k := range ruleKeys {
		if v := c.str(k); v != "" {
			r[k] = v
		}
	}
	return r
}

// insert puts a rule on top, or at pos.
func (r *ruleset) insert(c *call, where string) error {
	rule := c.ruleFromParams()
	if rule["enable"] == "" {
		rule["enable"] = "0"
	}
	if err := verifyRule(rule, where); err != nil {
		return err
	}
	if err := checkEntries(c.str("digest"), r.entries()); err != nil {
		return err
	}
	pos := 0
	if c.has("pos") {
		pos = min(c.int("pos"), len(r.list))
	}
	r.list = slices.Insert(r.list, pos, rule)
	return nil
}

func (r *ruleset) update(c *call, where string) error {
	if err := checkEntries(c.str("digest"), r.entries()); err != nil {
		return err
	}
	i, err := r.at(c)
	if err != nil {
		return err
	}
	if c.has("moveto") {
		rule, to := r.list[i], c.int("moveto")
		if to > i {
			to--
		}
		r.list = slices.Delete(r.list, i, i+1)
		r.list = slices.Insert(r.list, min(to, len(r.list)), rule)
		return nil
	}
	rule := config{}
	for k, v := range r.list[i] {
		rule[k] = v
	}
	for k, v := range c.ruleFromParams() {
		rule[k] = v
	}
	for _, k := range splitList(c.str("delete")) {
		delete(rule, k)
	}
	if err := verifyRule(rule, where); err != nil {
		return err
	}
	r.list[i] = rule
	return nil
}

func (r *ruleset) remove(c *call) error {
	if err := checkEntries(c.str("digest"), r.entries()); err != nil {
		return err
	}
	i, err := r.at(c)
	if err != nil {
		return err
	}
	r.list = slices.Delete(r.list, i, i+1)
	return nil
}

// optionEntry is a set of options with numbers where the table says so.
func (c *call) optionEntry(group string, options config) entry {
	e := entry{}
	for k, v := range options {
		e[k] = v
		if p := c.tables.groups[group].props[k]; p != nil && p.kind != "str" {
			e[k] = atoi(v)
		}
	}
	return e
}
