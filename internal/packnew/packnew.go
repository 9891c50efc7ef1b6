// Package packnew makes a pack out of lines of a product that no pack knows: how they are
// recognised, how they are divided, and tests with lines that name nobody.
//
// What a pack may say belongs in package pack. The pack that is made is a beginning: its
// role, its names and the source of its facts are for people to fill in.
package packnew

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"unicode/utf8"

	"syslog-gateway/internal/dialect"
	"syslog-gateway/internal/matcher"
	"syslog-gateway/internal/pack"
	"syslog-gateway/internal/packtest"
	"syslog-gateway/internal/syslog"
)

// Made is a pack that was made.
type Made struct {
	// YAML is the pack.
	YAML string
	// Known are the lines that are known already, and left out.
	Known []Known
	// Lines is how many others there are. Found of them are recognised; the others belong to
	// the pack where their sender is pinned to it.
	Lines, Found int
	// Tests is how many tests the pack has.
	Tests int
	// Warnings say what the pack takes from embedded ones.
	Warnings []pack.Problem
}

// Known is a line that a pack or a family knows.
type Known struct {
	Line int // from 1
	By   string
}

// Bounds of what is read.
const (
	maxLines = 10000
	maxLine  = 16 << 10
)

// New makes a pack of lines, beside the packs that are loaded. The name must be free.
func New(name string, lines []string, site, embedded []pack.Pack) (*Made, error) {
	for _, p := range slices.Concat(site, embedded) {
		if p.Name == name {
			return nil, fmt.Errorf("there is a pack %s already (%s): choose another name, or remove it first", name, p.Pos)
		}
	}
	m := &maker{name: name, site: site, embedded: embedded}
	if problems := m.check(fmt.Sprintf("format: 1\npack: %s\nsourcetype: x\n", yamlText(name))); len(problems) != 0 {
		return nil, errors.New(problems[0].Text)
	}
	if err := m.read(lines); err != nil {
		return nil, err
	}
	if len(m.samples) == 0 {
		return &Made{Known: m.known}, nil
	}
	m.divide()
	m.classify()
	m.recognise()
	return m.finish()
}

// maker makes a pack.
type maker struct {
	name           string
	site, embedded []pack.Pack
	known          []Known
	others         []matcher.Line // of lines that are known
	samples        []*sample

	reader    pack.Reader
	match     []pack.Condition
	classKey  string   // by which the classes differ; a number is a column
	classes   []string // its values
	host      string   // key that has the host
	timeRule  string
	isTimeKey string
}

// sample is a line that is to be recognised.
type sample struct {
	line       string // without names
	view, bare matcher.Line
	values     map[string]string // by key or column, as received
	plain      map[string]string // the same without names
	hosted     bool              // the header has a host
	timed      bool              // the header has a time
	found      bool
}

var nobody = netip.AddrFrom4([4]byte{192, 0, 2, 1})

// read takes the lines that nothing knows.
func (m *maker) read(lines []string) error {
	set, err := matcher.Compile(m.site, m.embedded, matcher.Options{Profile: "default"})
	if err != nil {
		return err
	}
	parser, err := dialect.New(dialect.Auto, set)
	if err != nil {
		return err
	}
	generic := map[string]bool{}
	for _, p := range slices.Concat(m.site, m.embedded) {
		generic[p.Name] = p.Generic()
	}
	names := newAnonymiser()
	type input struct {
		text string
		view []matcher.Line
		sample
	}
	var all []input
	for i, text := range lines {
		text = strings.TrimRight(text, "\r\n")
		if strings.TrimSpace(text) == "" || len(text) > maxLine || !utf8.ValidString(text) || strings.ContainsAny(text, begin+end) || len(all) == maxLines {
			continue
		}
		var h syslog.Header
		var r dialect.Result
		syslog.Scan([]byte(text), &h)
		parser.Parse([]byte(text), &h, &dialect.From{Address: nobody}, &r)
		views := parser.Views([]byte(text), nobody)
		switch class := parser.Class(r.Class); {
		case r.Pack != "" && !generic[r.Pack]:
			m.known, m.others = append(m.known, Known{i + 1, "the pack " + r.Pack}), append(m.others, views...)
			continue
		case r.Pack == "" && r.Class != dialect.Fallback && r.Class != dialect.LinuxSyslog && r.Class != dialect.WindowsSyslog:
			m.known, m.others = append(m.known, Known{i + 1, "the built-in family " + class.Family}), append(m.others, views...)
			continue
		}
		for _, v := range views {
			names.learnHost(string(v.Host))
		}
		names.learn(text)
		s := sample{view: views[len(views)-1], hosted: r.HostBy != dialect.ByNothing, timed: r.TimeBy != dialect.ByNothing}
		all = append(all, input{text, views, s})
	}
	for i := range all {
		in := &all[i]
		keep := append([]string{}, deviceHeader(string(in.sample.view.Text)))
		for _, v := range in.view {
			keep = append(keep, string(v.Program))
			keep = append(keep, ids(v.Data)...)
		}
		outer := in.view[0]
		head := len(in.text) - len(outer.Tagged)
		if len(outer.Host) != 0 {
			head = max(strings.Index(in.text, string(outer.Host)), 0)
		}
		s := in.sample
		s.line = names.line(in.text, min(max(head, 0), len(in.text)), keep)
		bare := parser.Views([]byte(s.line), nobody)
		s.bare = bare[len(bare)-1]
		m.samples = append(m.samples, &s)
	}
	return nil
}

// deviceHeader returns the header of a CEF or LEEF message up to its fourth part, which names
// the product and not the site.
func deviceHeader(text string) string {
	if !strings.HasPrefix(text, "CEF:") && !strings.HasPrefix(text, "LEEF:") {
		return ""
	}
	at := 0
	for range 4 {
		i := strings.IndexByte(text[at:], '|')
		if i < 0 {
			break
		}
		at += i + 1
	}
	return text[:at]
}

// ids returns the SD-IDs of structured data that belong to an enterprise.
func ids(data []byte) []string {
	var all []string
	for _, element := range strings.Split(string(data), "[")[min(1, len(data)):] {
		id, _, _ := strings.Cut(strings.TrimRight(element, "]"), " ")
		if at := strings.IndexByte(id, '@'); at > 0 && strings.Trim(id[at+1:], "0123456789.") == "" && !slices.Contains(all, id) {
			all = append(all, id)
		}
	}
	return all
}

// check loads a pack.
func (m *maker) check(text string) []pack.Problem {
	_, problems := pack.Load([]pack.File{{Name: m.name + ".yaml", Data: []byte(text)}})
	return problems
}

// finish writes the pack, and again without the tests that fail, until none does.
func (m *maker) finish() (*Made, error) {
	tests, err := m.tests()
	if err != nil {
		return nil, err
	}
	out := &Made{Known: m.known, Lines: len(m.samples)}
	for _, s := range m.samples {
		if s.found {
			out.Found++
		}
	}
	const tries = 4
	for range tries {
		out.YAML, out.Tests = m.yaml(tests), len(tests)
		packs, problems := pack.Load([]pack.File{{Name: m.name + ".yaml", Data: []byte(out.YAML)}})
		if len(problems) != 0 {
			return nil, fmt.Errorf("the pack that was made cannot be loaded, which is a mistake of this program: %s", problems[0])
		}
		_, out.Warnings = pack.Conflicts(packs, m.embedded)
		runner, err := packtest.New(slices.Concat(m.site, packs), m.embedded)
		if err != nil {
			return nil, err
		}
		failed := runner.Test(&packs[0])
		if len(failed) == 0 {
			return out, nil
		}
		for _, f := range slices.Backward(failed) {
			if t := &tests[f.Test-1]; f.Profile == "sc4s" && t.profile == "" {
				t.profile = "default" // the other profile has rules that are too wide
			} else {
				tests = slices.Delete(tests, f.Test-1, f.Test)
			}
		}
	}
	return nil, errors.New("no test of the pack that was made passes, which is a mistake of this program")
}
