package printable

import (
	"strings"
	"testing"
)

const hostile = "a\tb\x1b[31mc\u009b2J\u202ed\r\ne é→"

func TestTextOfOthersDrivesNoTerminal(t *testing.T) {
	for name, c := range map[string]struct{ got, want string }{
		"Escape":         {Escape(hostile), `a\tb\x1b[31mc\u009b2J\u202ed\r\ne é→`},
		"EscapeControls": {EscapeControls(hostile), "a\tb\\x1b[31mc\\u009b2J\u202ed\\r\\ne é→"},
		"EscapeLines":    {EscapeLines(hostile), `a\tb\x1b[31mc\u009b2J\u202ed\r` + "\n" + "e é→"},
		"Dots":           {Dots(hostile), "a\tb.[31mc.2J\u202ed..e é→"},
		"Fold":           {Fold("  a\r\n\tb  c "), "a b c"},
	} {
		if c.got != c.want {
			t.Errorf("%s: %q, want %q", name, c.got, c.want)
		}
		if strings.ContainsAny(c.got, "\x1b\r\u009b") {
			t.Errorf("%s leaves control characters: %q", name, c.got)
		}
	}
}

func TestCutCount(t *testing.T) {
	for got, want := range map[string]string{
		Cut("äöü", 3): "äöü", Cut("äöü", 2): "äö…", Cut("", 0): "",
		Count(0, "step"): "0 steps", Count(1, "step"): "1 step", Count(2, "step"): "2 steps",
		Painter(true).Paint(Red, "x"): "\x1b[31mx\x1b[0m", Painter(false).Paint(Red, "x"): "x",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
