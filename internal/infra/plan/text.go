package plan

import (
	"fmt"
	"io"
	"strings"

	"syslog-gateway/internal/infra/plan/change"
	"syslog-gateway/internal/printable"
)

// sign is how an action is shown: + ~ -, and ! for a change that needs a decision.
func sign(c change.Change) (symbol string, colour printable.Colour) {
	switch {
	case c.Action == change.Refuse, c.Action == change.Manual:
		return "!", printable.Yellow
	case c.Action == change.Create:
		return "+", printable.Green
	case c.Action == change.Destroy:
		return "-", printable.Red
	case c.Action == change.Replace:
		return "-/+", printable.Red
	}
	return "~", printable.Yellow
}

var sentences = map[change.Action]string{
	change.Create: "will be created", change.Update: "will be changed in place", change.Replace: "must be replaced",
	change.Destroy: "will be destroyed", change.Wait: "is being created by another task: will be waited for",
	change.Manual: "needs a step by hand", change.Refuse: "cannot be planned",
}

// Text writes the plan for people, with a summary as its last line.
func (p *Plan) Text(w io.Writer, colour bool) error {
	t := &text{painter: printable.Painter(colour)}
	for _, c := range p.Changes {
		t.change(c)
	}
	for _, n := range p.Notes {
		t.line("  note: %s: %s", n.Key, printable.Escape(n.Text))
	}
	if len(p.Notes) > 0 {
		t.line("")
	}
	t.line("%s", t.painter.Paint(printable.Bold, p.Summary()))
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
		return fmt.Sprintf("Nothing to do: %s %s as declared.", printable.Count(p.Guests, "guest"), is)
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
	b       strings.Builder
	painter printable.Painter
}

func (t *text) line(format string, args ...any) { fmt.Fprintf(&t.b, format+"\n", args...) }

func (t *text) change(c change.Change) {
	symbol, colour := sign(c)
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
	t.line("%s %s %s", t.painter.Paint(colour, symbol), t.painter.Paint(printable.Bold, title), sentence)
	width := 0
	for _, f := range c.Fields {
		width = max(width, len(f.Path))
	}
	for _, f := range c.Fields {
		t.field(c.Action, f, width)
	}
	for _, s := range c.Manual {
		t.line("    %s by hand: %s", t.painter.Paint(printable.Yellow, "!"), printable.Escape(s))
	}
	for _, b := range c.Blocks {
		s := b.Why
		if b.Flag != "" {
			s += ": " + b.Flag
		}
		t.line("    %s refused: %s", t.painter.Paint(printable.Red, "!"), printable.Escape(s))
	}
	t.line("")
}

// field shows one difference. New lines in values are shown as such.
func (t *text) field(a change.Action, f change.Diff, width int) {
	symbol, colour := "~", printable.Yellow
	value := quote(f.From) + " -> " + quote(f.To)
	switch {
	case f.From == "" && f.To == "":
		value = ""
	case f.From == "":
		symbol, colour, value = "+", printable.Green, quote(f.To)
	case f.To == "":
		symbol, colour, value = "-", printable.Red, quote(f.From)
	}
	if a == change.Create && f.From == "" {
		symbol, colour = " ", ""
	}
	if f.Note != "" {
		value = strings.TrimSpace(value + "  (" + f.Note + ")")
	}
	t.line("    %s %-*s  %s", t.painter.Paint(colour, symbol), width, f.Path, value)
}

func quote(s string) string {
	if s == "" {
		return `""`
	}
	return printable.Escape(s)
}
