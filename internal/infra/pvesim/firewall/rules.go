package firewall

import (
	"cmp"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"syslog-gateway/internal/infra/pvesim/conf"
	"syslog-gateway/internal/infra/pvesim/refusal"
)

// Place is where rules are; it decides what a rule may say.
type Place string

// The places that have rules.
const (
	Cluster Place = "cluster"
	Node    Place = "node"
	Guest   Place = "guest"
	InGroup Place = "group" // a security group
)

// Rules is an ordered list of rules.
type Rules struct{ list []conf.File }

// Len is how many rules there are.
func (r *Rules) Len() int { return len(r.list) }

// entries are the rules without positions.
func (r *Rules) entries() []Entry {
	var out []Entry
	for _, rule := range r.list {
		e := Entry(rule.Shown(func(k string) bool { return k == "enable" }))
		for _, k := range []string{"source", "dest"} {
			if v := ipVersion(rule[k]); v > 0 {
				e["ipversion"] = v
			}
		}
		out = append(out, e)
	}
	return out
}

// Shown is the list as the API shows it.
func (r *Rules) Shown() []Entry {
	out := WithDigest(r.entries())
	for i := range out {
		out[i]["pos"] = i
	}
	return out
}

// RuleKeys are the keys of a rule.
func RuleKeys() []string {
	return []string{"action", "type", "comment", "dest", "dport", "enable", "icmp-type", "iface", "log", "macro", "proto", "source", "sport"}
}

var guestIface = regexp.MustCompile(`^net\d+$`)

// verify is Firewall.pm verify_rule.
func verify(r conf.File, where Place) error {
	errs := map[string]string{}
	switch {
	case r["type"] == "group" && where == InGroup:
		errs["type"] = "security groups can't contain other groups"
	case r["type"] != "group" && !slices.Contains([]string{"ACCEPT", "DROP", "REJECT"}, r["action"]):
		errs["action"] = "unknown action '" + r["action"] + "'"
	}
	if r["iface"] != "" && where == Guest && !guestIface.MatchString(r["iface"]) {
		errs["iface"] = "value does not match the regex pattern 'net\\d+'"
	}
	for _, k := range []string{"dport", "sport", "icmp-type"} {
		if r[k] != "" && r["proto"] == "" && r["macro"] == "" {
			errs["proto"] = "missing property - '" + k + "' requires this property"
		}
	}
	if len(errs) > 0 {
		return refusal.BadParams(errs)
	}
	return nil
}

// Insert puts a rule at a position, or at the end when that is beyond it.
func (r *Rules) Insert(rule conf.File, where Place, pos int, digest string) error {
	rule["enable"] = cmp.Or(rule["enable"], "0")
	if err := verify(rule, where); err != nil {
		return err
	}
	if err := CheckDigest(digest, r.entries()); err != nil {
		return err
	}
	r.list = slices.Insert(r.list, min(pos, len(r.list)), rule)
	return nil
}

// Move puts the rule at pos before the one that is at to now.
func (r *Rules) Move(pos, to int) {
	rule := r.list[pos]
	if to > pos {
		to--
	}
	r.list = slices.Delete(r.list, pos, pos+1)
	r.list = slices.Insert(r.list, min(to, len(r.list)), rule)
}

// Update changes keys of the rule at pos and removes others.
func (r *Rules) Update(pos int, where Place, set conf.File, remove []string) error {
	rule := maps.Clone(r.list[pos])
	maps.Copy(rule, set)
	for _, k := range remove {
		delete(rule, k)
	}
	if err := verify(rule, where); err != nil {
		return err
	}
	r.list[pos] = rule
	return nil
}

// Remove takes the rule at pos away.
func (r *Rules) Remove(pos int) { r.list = slices.Delete(r.list, pos, pos+1) }

// Check finds a rule to write, by the position in a path, and refuses when the digest
// is that of an older list.
func (r *Rules) Check(pos, digest string) (int, error) {
	if err := CheckDigest(digest, r.entries()); err != nil {
		return 0, err
	}
	return r.At(pos)
}

// At finds a rule by the position in a path.
func (r *Rules) At(pos string) (int, error) {
	i, err := strconv.Atoi(pos)
	if err != nil || i < 0 || i >= len(r.list) {
		return 0, refusal.Fail("no rule at position %s", pos)
	}
	return i, nil
}

// text is the rules as lines of the file.
func (r *Rules) text() string {
	var b strings.Builder
	for _, rule := range r.list {
		if rule["enable"] == "0" {
			b.WriteString("|")
		}
		action := rule["action"]
		if m := rule["macro"]; m != "" {
			action = m + "(" + action + ")"
		}
		b.WriteString(strings.ToUpper(rule["type"]) + " " + action)
		for _, o := range [][2]string{{"iface", "-i"}, {"source", "-source"}, {"dest", "-dest"}, {"proto", "-p"}, {"dport", "-dport"}, {"sport", "-sport"}, {"icmp-type", "-icmp-type"}, {"log", "-log"}} {
			if v := rule[o[0]]; v != "" {
				b.WriteString(" " + o[1] + " " + v)
			}
		}
		b.WriteString(comment(rule["comment"]) + "\n")
	}
	return b.String()
}
