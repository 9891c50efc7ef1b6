package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"syslog-gateway/internal/dialect"
	"syslog-gateway/internal/matcher"
	"syslog-gateway/internal/pack"
	"syslog-gateway/internal/printable"
	"syslog-gateway/internal/splunk"
)

func newPackShow() *cobra.Command {
	cmd := packVerb("show NAME", "Show how a pack recognises messages, and what becomes of them",
		`Shows what a pack is, where the form of its messages is documented, by what they are
recognised, what Splunk gets of each class in both profiles, and the tests. NAME can be a
built-in family too.`,
		cobra.ExactArgs(1), func(cmd *cobra.Command, s *packSet, args []string) error {
			for i := range families {
				if families[i].name == args[0] {
					return s.showFamily(cmd.OutOrStdout(), &families[i])
				}
			}
			for _, p := range s.all() {
				if p.Name == args[0] {
					return s.show(cmd.OutOrStdout(), p)
				}
			}
			if err := s.refuse(cmd.ErrOrStderr()); err != nil { // it may be in a broken file
				return err
			}
			return unknownPack(args[0], s.names())
		})
	cmd.ValidArgsFunction = completePacks
	return cmd
}

// showFamily prints a built-in family.
func (s *packSet) showFamily(w io.Writer, f *family) error {
	fmt.Fprintf(w, "%s (built in): %s\n\n", f.name, f.about)
	facts := [][2]string{
		{"documented in", "docs/devices/" + f.name + ".md"},
		{"recognised by", f.by},
	}
	for _, p := range s.all() {
		if p.Family == f.name {
			facts = append(facts, [2]string{"extended by", fmt.Sprintf("%s (%s, %s)", p.Name, kindOf(p), p.Pos)})
		}
	}
	if err := printFacts(w, facts); err != nil {
		return err
	}
	var rows []classRow
	for _, class := range f.classes() {
		rows = append(rows, classRow{name: class.Name})
	}
	return s.printClasses(w, rows)
}

// printFacts prints names with what is to say of them. Of a name that is there several times
// one must hold.
func printFacts(w io.Writer, facts [][2]string) error {
	wide, last := 0, ""
	for _, f := range facts {
		wide = max(wide, len(f[0])+2)
	}
	var out strings.Builder
	for _, f := range facts {
		if f[1] == "" {
			continue
		}
		name := f[0]
		if name == last {
			name = "  or"
		}
		last = f[0]
		fmt.Fprintf(&out, "%-*s%s\n", wide, name, wrapped(f[1], wide))
	}
	_, err := io.WriteString(w, out.String())
	return err
}

// wrapped breaks a text at blanks, for people. The lines behind the first are indented.
func wrapped(text string, indent int) string {
	const width = 110
	var out strings.Builder
	column := indent
	for i, word := range strings.Split(text, " ") {
		switch {
		case i == 0:
		case column+1+len(word) > width:
			out.WriteString("\n" + strings.Repeat(" ", indent))
			column = indent
		default:
			out.WriteByte(' ')
			column++
		}
		out.WriteString(word)
		column += len(word)
	}
	return out.String()
}

// show prints a pack.
func (s *packSet) show(w io.Writer, p *pack.Pack) error {
	fmt.Fprintf(w, "%s (%s, %s): %s\n\n", p.Name, kindOf(p), p.Pos, cmp.Or(p.About, "no about:"))
	if err := printFacts(w, s.facts(p)); err != nil {
		return err
	}
	var rows []classRow
	for i := range p.Classes {
		c := &p.Classes[i]
		name := strings.TrimSuffix(p.Name+"_"+c.Name, "_")
		at := slices.IndexFunc(rows, func(r classRow) bool { return r.name == name })
		if at < 0 {
			at = len(rows)
			rows = append(rows, classRow{name: name})
		}
		rows[at].byProfile = append(rows[at].byProfile, c)
	}
	if len(rows) != 0 {
		if err := s.printClasses(w, rows); err != nil {
			return err
		}
	}
	return s.showTests(w, p)
}

// facts returns what a pack says besides its classes.
func (s *packSet) facts(p *pack.Pack) (facts [][2]string) {
	add := func(name, text string) { facts = append(facts, [2]string{name, text}) }
	if s.off(p) {
		add("turned off", "by packs.disable")
	}
	add("documented in", p.Documented)
	switch {
	case p.Family != "":
		add("extends", "the built-in family "+p.Family)
	case !p.RulesOnly():
		add("vendor", p.Vendor)
		add("product", p.Product)
	}
	add("pinned by", strings.Join(s.pins(p.Name), ", "))
	for _, c := range p.Finders() {
		add("recognised by", c.String()+" ("+c.Pos.String()+")")
	}
	switch {
	case p.RulesOnly():
		add("recognised by", "nothing: its rules are for messages of other packs")
		for i := range p.Lookups {
			add("look-up "+p.Lookups[i].Name, p.Lookups[i].File+", by "+p.Lookups[i].Key)
		}
		return append(facts, s.ruleFacts(p)...)
	case len(p.Finders()) == 0:
		add("recognised by", "a pin only: packs.senders, or packs of a source")
	}
	add("never", pack.Either(p.Not))
	add("replaces", strings.Join(p.Replaces, ", "))
	for _, h := range p.Headers {
		add("repairs", "headers of the form "+string(h))
	}
	if p.Read != pack.NoReader {
		add("reads", string(p.Read))
	}
	add("host", elseHeader(p.Host, func(h *pack.HostRule) string { return h.Value.String() }))
	add("time", elseHeader(p.Time, (*pack.TimeRule).String))
	add("timezone", p.Timezone)
	add("event", string(cmp.Or(p.Event, pack.Raw)))
	for i := range p.Classes {
		if c := &p.Classes[i]; c.Name != "" {
			add("class "+c.Name, cmp.Or(pack.Either(c.When), "the rest"))
		}
	}
	if p.LinuxServer {
		add("on Linux", "sourcetype and index of linux_syslog on a port of vendor linux, unless packs.options has "+p.Name+".on_linux")
	}
	return append(facts, s.ruleFacts(p)...)
}

// ruleFacts returns what the rules of a pack do, in order.
func (s *packSet) ruleFacts(p *pack.Pack) (facts [][2]string) {
	for i := range p.Rules {
		r := &p.Rules[i]
		text := r.String()
		if len(r.When) != 0 {
			text = "when " + pack.Either(r.When) + ": " + text
		}
		if r.About != "" {
			text = r.About + ": " + text
		}
		if option := p.Name + "." + r.Name; r.Option && !slices.Contains(s.config.Packs.Options, option) {
			text = "off unless packs.options has " + option + "; " + text
		}
		facts = append(facts, [2]string{strings.TrimSpace("rule " + cmp.Or(r.Name, strconv.Itoa(i+1))), text})
	}
	return facts
}

// elseHeader says rules of which the first that gives something counts.
func elseHeader[R any](rules []R, say func(*R) string) string {
	var all []string
	for i := range rules {
		all = append(all, say(&rules[i]))
	}
	if header := "header"; !slices.Contains(all, header) {
		all = append(all, header)
	}
	return strings.Join(all, ", else ")
}

// classRow is a class that is shown.
type classRow struct {
	name      string
	byProfile []*pack.Class // one, or one for each profile; none of a built-in family
}

// of returns what the pack says of the class in a profile.
func (r *classRow) of(profile string) *pack.Class {
	for _, c := range r.byProfile {
		if len(c.When) == 0 || c.When[0].Profile == "" || c.When[0].Profile == profile {
			return c
		}
	}
	return nil
}

// printClasses prints what Splunk gets of classes, in both profiles.
func (s *packSet) printClasses(w io.Writer, rows []classRow) error {
	profiles := []string{"default", "sc4s"}
	names := make(map[string]map[string]splunk.Metadata) // by profile and class
	roles := make(map[string]string)                     // by class
	for _, profile := range profiles {
		namer, classes, err := s.profile(profile)
		if err != nil {
			return err
		}
		names[profile] = make(map[string]splunk.Metadata)
		for _, class := range classes {
			m := namer.Metadata(class, splunk.SourceInfo{Vendor: dialect.Auto})
			switch {
			case class.Pack != nil:
				roles[profile+class.Name] = class.Pack.Names.Role
			case profile == "sc4s":
				roles["default"+class.Name], roles["sc4s"+class.Name] = m.Index, m.Index
			}
			if _, twice := names[profile][class.Name]; !twice {
				names[profile][class.Name] = m
			}
		}
	}
	fmt.Fprintln(w)
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprintln(t, "class\tprofile\tsourcetype\tsource\tindex")
	for i := range rows {
		r := &rows[i]
		for _, profile := range profiles {
			m, ok := names[profile][r.name]
			if !ok { // it is turned off, or of the other profile
				continue
			}
			index := cmp.Or(m.Index, "the port's")
			if role := roles[profile+r.name]; role != "" && role != index {
				index = role + " → " + index
			}
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\n", r.name, profile, r.sourcetype(&m, profile), r.source(&m, profile), index)
		}
	}
	return t.Flush()
}

// sourcetype returns the sourcetype with its placeholders.
func (r *classRow) sourcetype(m *splunk.Metadata, profile string) string {
	c := r.of(profile)
	if c == nil || !m.SourcetypeFromResult {
		return m.Sourcetype
	}
	if profile == "sc4s" {
		return cmp.Or(c.SC4S.Sourcetype, c.Sourcetype)
	}
	return c.Sourcetype
}

// source returns Splunk's source with its placeholders.
func (r *classRow) source(m *splunk.Metadata, profile string) string {
	c := r.of(profile)
	switch {
	case !m.SourceFromResult:
		return strings.Replace(m.Source, "syslog:0", "syslog:PORT", 1)
	case c == nil && r.name == "windows_xml":
		return m.Source + "{channel}"
	case c == nil:
		return m.Source + "{program}"
	case profile == "sc4s":
		return cmp.Or(c.SC4S.Source, c.Source)
	}
	return c.Source
}

// profile returns the names of a profile, as the site has changed them.
func (s *packSet) profile(name string) (*splunk.Profile, []dialect.Class, error) {
	set, err := matcher.Compile(s.Site, s.Embedded, matcher.Options{Profile: name, Disable: s.config.Packs.Disable})
	if err != nil {
		return nil, nil, err
	}
	n := splunk.Naming{Indexes: s.config.Metadata.Indexes, Overrides: map[string]splunk.Override{}}
	for class, o := range s.config.Metadata.Overrides {
		n.Overrides[class] = splunk.Override{Index: o.Index, Sourcetype: o.Sourcetype, Source: o.Source}
	}
	classes := dialect.Classes(set)
	p, err := splunk.NewProfile(name, n, classes)
	return p, classes, err
}

// showTests prints the tests of a pack, with what is wrong.
func (s *packSet) showTests(w io.Writer, p *pack.Pack) error {
	if s.off(p) {
		return nil
	}
	report, err := s.test()
	if err != nil {
		return err
	}
	wrong := make(map[int]string)
	for _, f := range report.Failed {
		if f.Pack.Name == p.Name {
			wrong[f.Test] = f.Text
		}
	}
	for i := range report.Thefts {
		if t := &report.Thefts[i]; t.From.Pack.Name == p.Name {
			wrong[t.From.Test] = t.String()
		}
	}
	fmt.Fprintf(w, "\n%s, %d failed\n", count(len(p.Tests), "test"), len(wrong))
	for i := range p.Tests {
		t := &p.Tests[i]
		if _, err := fmt.Fprintf(w, "%3d  %s\n     %s\n", i+1, printable.Dots(t.Line), cmp.Or(wrong[i+1], "ok: "+wants(t))); err != nil {
			return err
		}
	}
	return nil
}

// wants says what a test wants.
func wants(t *pack.Test) string {
	all := []string{"this pack takes it"}
	switch {
	case t.Not:
		all = []string{"this pack does not take it"}
	case t.Pack == "none":
		all = []string{"no pack takes it"}
	case t.Pack != "":
		all = []string{"the pack " + t.Pack + " takes it"}
	}
	if t.Pinned {
		all = append(all, "on a port that is pinned to it")
	}
	for _, f := range [][2]string{
		{"class", t.Class}, {"sourcetype", t.Sourcetype}, {"index", t.Index}, {"source", t.Source}, {"host", t.Host}, {"time", t.Time}, {"profile", t.Profile},
	} {
		if f[1] != "" {
			all = append(all, f[0]+" "+f[1])
		}
	}
	switch {
	case t.Dropped == "none":
		all = append(all, "no rule leaves it out")
	case t.Dropped != "":
		all = append(all, "the rule "+t.Dropped+" leaves it out")
	}
	return strings.Join(all, ", ")
}
