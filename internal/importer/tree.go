package importer

import (
	"fmt"
	"strings"
)

// token is a part of a configuration of syslog-ng, with what is in its brackets.
type token struct {
	kind rune // w a word, s a text in quotes, ( or { with kids, and ; , | = ! < > of themselves
	text string
	at   Note
	kids []token
}

// maxDepth is how deep brackets may stand in one another.
const maxDepth = 32

// lexer makes a tree of tokens.
type lexer struct {
	text  string
	file  string
	pos   int
	line  int
	depth int
}

func (l *lexer) at() Note { return Note{File: l.file, Line: l.line} }

func (l *lexer) errorf(at Note, format string, args ...any) error {
	at.Text = fmt.Sprintf(format, args...)
	return fmt.Errorf("%s", at)
}

// space skips blanks and comments.
func (l *lexer) space() {
	for l.pos < len(l.text) {
		switch c := l.text[l.pos]; {
		case c == '\n':
			l.line++
			l.pos++
		case c == ' ' || c == '\t' || c == '\r' || c == '\f':
			l.pos++
		case c == '#':
			for l.pos < len(l.text) && l.text[l.pos] != '\n' {
				l.pos++
			}
		case strings.HasPrefix(l.text[l.pos:], "/*"):
			end := strings.Index(l.text[l.pos+2:], "*/")
			if end < 0 {
				end = len(l.text) - l.pos - 4
			}
			next := min(max(l.pos+4+end, l.pos+2), len(l.text))
			l.line += strings.Count(l.text[l.pos:next], "\n")
			l.pos = next
		default:
			return
		}
	}
}

// tokens reads to the closing bracket, or to the end if there is none to close.
func (l *lexer) tokens(closing byte) ([]token, error) {
	if l.depth++; l.depth > maxDepth {
		return nil, l.errorf(l.at(), "brackets stand in one another more than %d times", maxDepth)
	}
	defer func() { l.depth-- }()
	opened := l.at()
	var all []token
	for {
		l.space()
		if l.pos == len(l.text) {
			if closing != 0 {
				return all, l.errorf(opened, "the bracket that is opened here is not closed with %c; is the file complete?", closing)
			}
			return all, nil
		}
		at, c := l.at(), l.text[l.pos]
		switch {
		case c == '(' || c == '{':
			l.pos++
			kids, err := l.tokens(map[byte]byte{'(': ')', '{': '}'}[c])
			if err != nil {
				return all, err
			}
			all = append(all, token{kind: rune(c), at: at, kids: kids})
		case c == ')' || c == '}':
			if c != closing {
				return all, l.errorf(at, "%c closes nothing", c)
			}
			l.pos++
			return all, nil
		case c == '"' || c == '\'':
			text, err := l.quoted(c)
			if err != nil {
				return all, err
			}
			all = append(all, token{kind: 's', text: text, at: at})
		case strings.IndexByte(";,|=!<>", c) >= 0:
			l.pos++
			all = append(all, token{kind: rune(c), text: string(c), at: at})
		default:
			from := l.pos
			for l.pos < len(l.text) && strings.IndexByte(" \t\r\n\f(){}\"';,|=!<>#", l.text[l.pos]) < 0 {
				l.pos++
			}
			all = append(all, token{kind: 'w', text: l.text[from:l.pos], at: at})
		}
	}
}

// quoted reads a text in quotes. In double quotes a backslash hides the next character.
func (l *lexer) quoted(quote byte) (string, error) {
	opened := l.at()
	var b strings.Builder
	for l.pos++; l.pos < len(l.text); l.pos++ {
		switch c := l.text[l.pos]; {
		case c == quote:
			l.pos++
			return b.String(), nil
		case c == '\\' && quote == '"' && l.pos+1 < len(l.text):
			l.pos++
			switch e := l.text[l.pos]; e {
			case 'n':
				b.WriteByte('\n')
			case 't':
				b.WriteByte('\t')
			default:
				b.WriteByte(e)
				if e == '\n' {
					l.line++
				}
			}
		default:
			if c == '\n' {
				l.line++
			}
			b.WriteByte(c)
		}
	}
	return "", l.errorf(opened, "the text that begins here has no closing quote")
}

// option is a word with what is in the brackets behind it.
type option struct {
	name string
	at   Note
	args []token
}

// options returns the words with brackets among tokens.
func options(all []token) []option {
	var out []option
	for i := 0; i < len(all); i++ {
		if all[i].kind == 'w' && i+1 < len(all) && all[i+1].kind == '(' {
			out = append(out, option{strings.ReplaceAll(all[i].text, "_", "-"), all[i].at, all[i+1].kids})
			i++
		}
	}
	return out
}

// first returns the first word or text among tokens.
func first(all []token) string {
	if len(all) != 0 && (all[0].kind == 'w' || all[0].kind == 's') {
		return all[0].text
	}
	return ""
}

// words returns the words and texts among tokens.
func words(all []token) []string {
	var out []string
	for _, t := range all {
		if t.kind == 'w' || t.kind == 's' {
			out = append(out, t.text)
		}
	}
	return out
}

// get returns the arguments of an option.
func get(all []option, name string) []token {
	for _, o := range all {
		if o.name == name {
			return o.args
		}
	}
	return nil
}
