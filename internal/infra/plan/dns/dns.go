// Package dns compares the declared DNS records with those of their zone.
//
// Ownership is by name and type. Beside each name a TXT record says whose records of
// which types are (package zone). What has no mark of this estate is never changed: a
// declared record in its place is refused, unless it may be taken over. Records of the
// estate that are no longer declared go only if their names are allowed.
//
// The records of a name and its mark are one change, which Route 53 makes as a whole or
// not at all. It names what it replaces: if somebody changed that meanwhile, it is refused.
package dns

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"syslog-gateway/internal/infra/declaration"
	"syslog-gateway/internal/infra/plan/change"
	"syslog-gateway/internal/infra/zone"
)

// Zone is where the records are.
type Zone interface {
	Records(ctx context.Context) ([]zone.Record, error)
}

// Prefix marks the name of a record among the words of --allow-destroy and --allow-reuse.
const Prefix = "dns/"

// Allowed are complete names.
type Allowed struct {
	Destroy []string // records of the estate that are no longer declared
	Reuse   []string // declared ones that exist and have no mark
}

// Split takes the names of records out of the words of a flag.
func Split(words []string) (others, names []string) {
	for _, w := range words {
		if name, ok := strings.CutPrefix(w, Prefix); ok {
			names = append(names, zone.Name(name))
		} else {
			others = append(others, w)
		}
	}
	return others, names
}

// Unused is an error if a name is allowed although no records are planned.
func (a Allowed) Unused() error {
	for _, name := range slices.Concat(a.Destroy, a.Reuse) {
		return fmt.Errorf("%s%s: no DNS records are planned: declare dns.route53, and leave out --only", Prefix, name)
	}
	return nil
}

// Planner plans records.
type Planner struct {
	Estate  *declaration.Estate
	Zone    Zone
	List    *change.List // what is planned goes here
	Allowed Allowed

	live  map[string][]zone.Record // by name
	marks map[string]zone.Mark     // by the name that they speak for
}

// types are those that may be declared.
func types() []string { return []string{"A", "AAAA", "CNAME"} }

// Plan reads the zone and compares each name.
func (p *Planner) Plan(ctx context.Context) error {
	records, err := p.Zone.Records(ctx)
	if err != nil {
		return err
	}
	p.live, p.marks = map[string][]zone.Record{}, map[string]zone.Mark{}
	for _, r := range records {
		p.live[r.Name] = append(p.live[r.Name], r)
		if name, ok := zone.MarkedName(r.Name); ok {
			if m, ok := zone.ReadMark(r); ok {
				p.marks[name] = m
			}
		}
	}
	declared := p.Estate.DNS.Names()
	for _, name := range declared {
		p.name(name)
	}
	for _, name := range slices.Sorted(maps.Keys(p.marks)) {
		if p.marks[name].Owner == p.Estate.DNS.Owner && !slices.Contains(declared, name) {
			p.leaving(name)
		}
	}
	return p.known()
}

// known refuses allowed names that no change is about: a word that names nothing is a
// mistake.
func (p *Planner) known() error {
	for _, name := range p.Allowed.Destroy {
		if c := p.List.Find(change.ObjectRecord + "/" + name); c == nil || c.Action != change.Destroy {
			return fmt.Errorf("--allow-destroy %s%s: no record of that name is ours and no longer declared: leave it out if it is gone already", Prefix, name)
		}
	}
	for _, name := range p.Allowed.Reuse {
		if !slices.Contains(p.Estate.DNS.Names(), name) {
			return fmt.Errorf("--allow-reuse %s%s: no record of that name is declared", Prefix, name)
		}
	}
	return nil
}

// name compares the records of one declared name.
func (p *Planner) name(name string) {
	c := change.Change{Key: name, Object: change.ObjectRecord, Name: name, Action: change.Update}
	var want []string
	for _, r := range p.Estate.DNS.Records {
		if r.Name != name {
			continue
		}
		want = append(want, r.Type)
		if r.Guest != "" {
			for _, g := range p.Estate.Guests() {
				if g.Key == r.Guest {
					c.After = append(c.After, change.GuestID(g))
				}
			}
		}
	}
	slices.Sort(want)
	mark, marked := p.marks[name]
	if why, flag := p.foreign(name, want); why != "" {
		c.Action, c.Blocks = change.Refuse, []change.Block{{Why: why, Flag: flag}}
		p.List.Add(c)
		return
	}
	var edits []zone.Edit
	for _, kind := range types() {
		old, exists := find(p.live[name], kind)
		i := slices.IndexFunc(p.Estate.DNS.Records, func(r declaration.Record) bool { return r.Name == name && r.Type == kind })
		mine := exists && (mark.Covers(kind) || slices.Contains(want, kind))
		if i < 0 && !mine || i >= 0 && exists && old.Equal(p.Estate.DNS.Records[i].Record) {
			continue
		}
		d := change.Diff{Path: kind}
		if mine {
			d.From = old.String()
			edits = append(edits, zone.Edit{Remove: true, Record: old})
		}
		if i >= 0 {
			r := p.Estate.DNS.Records[i].Record
			d.To = r.String()
			edits = append(edits, zone.Edit{Record: r})
		}
		c.Fields = append(c.Fields, d)
	}
	if len(edits) > 0 && !slices.ContainsFunc(edits, func(e zone.Edit) bool { return e.Remove }) && !marked {
		c.Action = change.Create
	}
	if !marked || !slices.Equal(mark.Types, want) {
		if old, exists := find(p.live[zone.MarkName(name)], "TXT"); exists {
			edits = append(edits, zone.Edit{Remove: true, Record: old})
		}
		edits = append(edits, zone.Edit{Record: zone.Mark{Owner: p.Estate.DNS.Owner, Types: want}.Record(name)})
		c.Fields = append(c.Fields, change.Diff{Path: "owner", From: mark.Owner, To: p.Estate.DNS.Owner, Note: "TXT " + zone.MarkName(name)})
	}
	if len(edits) > 0 {
		c.Steps = []change.Step{{Op: change.OpRecords, Title: "set records", Edits: edits}}
		p.List.Add(c)
	}
}

// find gives the record of a type.
func find(records []zone.Record, kind string) (zone.Record, bool) {
	i := slices.IndexFunc(records, func(r zone.Record) bool { return r.Type == kind })
	if i < 0 {
		return zone.Record{}, false
	}
	return records[i], true
}

// foreign says why the records of a name may not be changed, and which flag lifts that.
func (p *Planner) foreign(name string, want []string) (why, flag string) {
	mark, marked := p.marks[name]
	if marked && mark.Owner != p.Estate.DNS.Owner {
		return fmt.Sprintf("it belongs to the owner %q of another estate, as the TXT record %s says: use another name", mark.Owner, zone.MarkName(name)), ""
	}
	if t, exists := find(p.live[zone.MarkName(name)], "TXT"); exists && (!marked || t.Special != "") {
		return fmt.Sprintf("the TXT record %s is not one of provision: remove it in Route 53, or use another name", zone.MarkName(name)), ""
	}
	reuse := slices.Contains(p.Allowed.Reuse, name)
	for _, r := range p.live[name] {
		ours, declared := mark.Covers(r.Type), slices.Contains(want, r.Type)
		cname := r.Type == "CNAME" || slices.Contains(want, "CNAME")
		switch {
		case r.Special != "" && (declared || ours):
			return fmt.Sprintf("it exists in Route 53 as %s (%s), which is not set here: remove it there, or use another name", r.Type, r.Special), ""
		case ours, declared && reuse, !declared && !cname:
		case declared:
			return fmt.Sprintf("it exists in Route 53 as %s (%s) and is not ours: use another name, or take it over", r.Type, r), "--allow-reuse " + Prefix + name
		default:
			return fmt.Sprintf("it has a record %s (%s) that is not ours, and a CNAME stands alone (RFC 1034, section 3.6.2): remove it in Route 53, or use another name", r.Type, r), ""
		}
	}
	return "", ""
}

// leaving removes the records of a name that is no longer declared, and its mark.
func (p *Planner) leaving(name string) {
	mark := p.marks[name]
	c := change.Change{Key: name, Object: change.ObjectRecord, Name: name, Action: change.Destroy}
	var edits []zone.Edit
	for _, r := range p.live[name] {
		if !mark.Covers(r.Type) || !slices.Contains(types(), r.Type) {
			continue
		}
		if r.Special != "" {
			c.Blocks = []change.Block{{Why: fmt.Sprintf("it was made %s in Route 53 by somebody: remove it there, with the TXT record %s", r.Special, zone.MarkName(name))}}
			p.List.Add(c)
			return
		}
		c.Fields = append(c.Fields, change.Diff{Path: r.Type, From: r.String()})
		edits = append(edits, zone.Edit{Remove: true, Record: r})
	}
	text, _ := find(p.live[zone.MarkName(name)], "TXT")
	edits = append(edits, zone.Edit{Remove: true, Record: text})
	c.Fields = append(c.Fields, change.Diff{Path: "owner", From: mark.Owner, Note: "TXT " + zone.MarkName(name)})
	c.Steps = []change.Step{{Op: change.OpRecords, Title: "remove records", Edits: edits}}
	if !slices.Contains(p.Allowed.Destroy, name) {
		c.Blocks = []change.Block{{Why: "it is no longer declared", Flag: "--allow-destroy " + Prefix + name}}
	}
	p.List.Add(c)
}
