package printable

// Colour is what switches a terminal to a colour (ECMA-48, SGR).
type Colour string

// The colours in use.
const (
	Red    Colour = "\x1b[31m"
	Green  Colour = "\x1b[32m"
	Yellow Colour = "\x1b[33m"
	Bold   Colour = "\x1b[1m"
)

const reset = "\x1b[0m"

// Painter colours text. False is a painter for files and pipes: it changes nothing.
type Painter bool

// Paint returns text in a colour.
func (p Painter) Paint(colour Colour, text string) string {
	if !p {
		return text
	}
	return string(colour) + text + reset
}
