package plan

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode"

	"syslog-gateway/internal/infra/plan/change"
)

// Colours of a terminal (ECMA-48, SGR).
const (
	green  = "\x1b[32m"
	yellow = "\x1b[33m"
	red    = "\x1b[31m"
	bold   = "\x1b[1m"
	plain  = "\x1b[0m"
)

// sign is how an action is shown: + ~ -, and ! for what needs somebody's decision.
func sign(c change.Change) (mark, colour string) {
	switch {
	case c.Action == change.Refuse, c.Action == change.Manual:
		return "!", yellow
	case c.Action == change.Create:
		return "+", green
	case c.Action == change.Destroy:
		return "-", red
	case c.Action == change.Replace:
		return "-/+", red
	}
	return "~", yellow
}

var sentences = map[change.Action]string{
	change.Create: "will be created", change.Update: "will be changed in place", change.Replace: "must be replaced",
	change.Destroy: "will be destroyed", change.Wait: "is being made by somebody: will be waited for",
	change.Manual: "needs a step by hand", change.Refuse: "cannot be planned",
}

// Text writes the plan for people, with a summary as its last line.
func (p *Plan) Text(w io.Writer, colour bool) error {
	t := &text{colour: colour}
	for _, c := range p.Changes {
		t.change(c)
	}
	for _, n := range p.Notes {
		t.line("  note: %s: %s", n.Key, Printable(n.Text))
	}
	if len(p.Notes) > 0 {
		t.line("")
	}
	t.line("%s", t.paint(bold, p.Summary()))
	_, err := io.WriteString(w, t.b.String())
	return err
}

// Summary is one line: how many of what.
func (p *Plan) Summary() string {
	blocked, manual, reboot := 0, 0, 0
	for _, c := range p.Changes {
		if c.Blocked() {
			blocked++
		}
		if len(c.Manual) > 0 {
			manual++
		}
		if c.Reboot {
			reboot++
		}
	}
	if p.Empty() && manual == 0 {
		is := "are"
		if p.Guests == 1 {
			is = "is"
		}
		return fmt.Sprintf("Nothing to do: %s %s as declared.", change.Count(p.Guests, "guest"), is)
	}
	s := fmt.Sprintf("%d to create, %d to change, %d to replace, %d to destroy", p.Count(change.Create),
		p.Count(change.Update)+p.Count(change.Wait), p.Count(change.Replace), p.Count(change.Destroy))
	for _, x := range []struct {
		n    int
		what string
	}{{blocked, "refused"}, {manual, "by hand"}, {reboot, "in part from the next start"}} {
		if x.n > 0 {
			s += fmt.Sprintf(", %d %s", x.n, x.what)
		}
	}
	return s + "."
}

// text builds the form for people.
type text struct {
	b      strings.Builder
	colour bool
}

func (t *text) line(format string, args ...any) { fmt.Fprintf(&t.b, format+"\n", args...) }

func (t *text) paint(colour, s string) string {
	if !t.colour {
		return s
	}
	return colour + s + plain
}

func (t *text) change(c change.Change) {
	mark, colour := sign(c)
	title := c.Object + " " + c.Key
	if c.VMID > 0 {
		title += fmt.Sprintf(" (%d", c.VMID)
		if c.Node != "" {
			title += " on " + c.Node
		}
		title += ")"
	}
	sentence := sentences[c.Action]
	if c.Adopts {
		sentence = "will be taken over and changed in place"
	}
	t.line("%s %s %s", t.paint(colour, mark), t.paint(bold, title), sentence)
	width := 0
	for _, f := range c.Fields {
		width = max(width, len(f.Path))
	}
	for _, f := range c.Fields {
		t.field(c.Action, f, width)
	}
	for _, s := range c.Manual {
		t.line("    %s by hand: %s", t.paint(yellow, "!"), Printable(s))
	}
	for _, b := range c.Blocks {
		s := b.Why
		if b.Flag != "" {
			s += ": " + b.Flag
		}
		t.line("    %s refused: %s", t.paint(red, "!"), Printable(s))
	}
	t.line("")
}

// field shows one difference. New lines in values are shown as such.
func (t *text) field(a change.Action, f change.Diff, width int) {
	mark, colour := "~", yellow
	value := quote(f.From) + " -> " + quote(f.To)
	switch {
	case f.From == "" && f.To == "":
		value = ""
	case f.From == "":
		mark, colour, value = "+", green, quote(f.To)
	case f.To == "":
		mark, colour, value = "-", red, quote(f.From)
	}
	if a == change.Create && f.From == "" {
		mark, colour = " ", ""
	}
	if f.Note != "" {
		value = strings.TrimSpace(value + "  (" + f.Note + ")")
	}
	t.line("    %s %-*s  %s", t.paint(colour, mark), width, f.Path, value)
}

func quote(s string) string {
	if s == "" {
		return `""`
	}
	return Printable(s)
}

// Printable is s in one line and without what a terminal would obey: what is live was
// written by anybody.
func Printable(s string) string {
	var b strings.Builder
	for _, r := range s {
		if unicode.IsPrint(r) {
			b.WriteRune(r)
			continue
		}
		quoted := strconv.QuoteRune(r)
		b.WriteString(quoted[1 : len(quoted)-1])
	}
	return b.String()
}
