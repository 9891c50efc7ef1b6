package importer

import (
	"fmt"
	"strings"
)

// rstatement is a statement of rsyslog: an object such as input(…), a filter with its actions,
// a legacy directive.
type rstatement struct {
	at     Note
	kind   string              // module, input, ruleset, action, template, include, global, if, property, selector, directive, stop, set, call …
	params map[string][]string // of an object, by names in lower case
	text   string              // of a legacy line, or of what is set, called or in a template
	filter string              // of if, property and selector
	tokens []token             // of if
	body   []rstatement        // of ruleset, if and others with actions
	other  []rstatement        // of else
}

// rainer reads files of rsyslog. It uses the lexer for objects and expressions.
type rainer struct {
	lexer
	nested int
}

// statements reads to the closing brace, or to the end.
func (r *rainer) statements(closing bool) ([]rstatement, error) {
	if r.nested++; r.nested > maxDepth {
		return nil, r.errorf(r.at(), "braces stand in one another more than %d times", maxDepth)
	}
	defer func() { r.nested-- }()
	opened := r.at()
	var all []rstatement
	for {
		r.space()
		switch {
		case r.pos == len(r.text):
			if closing {
				return all, r.errorf(opened, "the brace that is opened here is not closed; is the file complete?")
			}
			return all, nil
		case r.text[r.pos] == '}':
			if !closing {
				return all, r.errorf(r.at(), "} closes nothing")
			}
			r.pos++
			return all, nil
		case r.text[r.pos] == ';':
			r.pos++
			continue
		}
		s, err := r.statement()
		if err != nil {
			return all, err
		}
		all = append(all, s)
	}
}

// restOfLine reads a legacy line, which a backslash at its end continues.
func (r *rainer) restOfLine() string {
	var b strings.Builder
	for r.pos < len(r.text) {
		end := strings.IndexByte(r.text[r.pos:], '\n')
		line := r.text[r.pos:]
		if end >= 0 {
			line = line[:end]
		}
		r.pos += len(line)
		if rest, more := strings.CutSuffix(strings.TrimRight(line, " \t\r"), "\\"); more && end >= 0 {
			b.WriteString(rest)
			r.pos++
			r.line++
			continue
		}
		b.WriteString(line)
		break
	}
	return strings.TrimSpace(b.String())
}

// ident returns the word at the place of reading, which it leaves.
func (r *rainer) ident() string {
	end := r.pos
	for end < len(r.text) && (r.text[end] >= 'a' && r.text[end] <= 'z' || r.text[end] >= 'A' && r.text[end] <= 'Z' || r.text[end] == '_') {
		end++
	}
	return r.text[r.pos:end]
}

func (r *rainer) statement() (rstatement, error) {
	s := rstatement{at: r.at()}
	switch c := r.text[r.pos]; {
	case c == '$':
		s.kind, s.text = "directive", r.restOfLine()
		return s, nil
	case c == ':':
		return r.property(s)
	case c == '&':
		r.pos++
		s.kind = "and"
		var err error
		s.body, err = r.actions()
		return s, err
	case c == '~':
		r.pos++
		s.kind = "stop"
		return s, nil
	}
	word := r.ident()
	switch strings.ToLower(word) {
	case "if":
		r.pos += len(word)
		return r.condition(s)
	case "stop", "continue":
		r.pos += len(word)
		s.kind = strings.ToLower(word)
		return s, nil
	case "call", "call_indirect":
		r.pos += len(word)
		s.kind, s.text = strings.ToLower(word), strings.TrimRight(r.restOfLine(), "; ")
		if brace := strings.IndexByte(s.text, '}'); brace >= 0 { // call x }
			r.pos -= len(s.text) - brace
			s.text = s.text[:brace]
		}
		s.text = strings.Trim(s.text, " \t;\"")
		return s, nil
	case "set", "reset", "unset":
		from := r.pos
		end := strings.IndexByte(r.text[from:], ';')
		if end < 0 {
			return s, r.errorf(s.at, "%s has no semicolon at its end; is the file complete?", word)
		}
		s.kind, s.text = "set", r.text[from:from+end]
		r.line += strings.Count(s.text, "\n")
		r.pos = from + end + 1
		return s, nil
	case "foreach":
		return s, r.errorf(s.at, "foreach cannot be read; take it out and import again")
	}
	if word != "" {
		at, line := r.pos, r.line
		r.pos += len(word)
		r.space()
		if r.pos < len(r.text) && r.text[r.pos] == '(' {
			return r.object(s, strings.ToLower(word))
		}
		r.pos, r.line = at, line
	}
	return r.selector(s)
}

// object reads name="value" in brackets, and what is in the braces of ruleset and template.
func (r *rainer) object(s rstatement, kind string) (rstatement, error) {
	s.kind = kind
	r.pos++
	from := r.pos
	all, err := r.params()
	if err != nil {
		return s, err
	}
	s.params, s.text = all, r.text[from:r.pos]
	r.space()
	if r.pos == len(r.text) || r.text[r.pos] != '{' {
		return s, nil
	}
	switch kind {
	case "ruleset":
		r.pos++
		s.body, err = r.statements(true)
	case "template":
		r.pos++
		from := r.pos
		_, err = r.tokens('}')
		s.text += r.text[from:r.pos]
	}
	return s, err
}

// params reads the parameters to the closing bracket.
func (r *rainer) params() (map[string][]string, error) {
	opened := r.at()
	all, err := r.tokens(')')
	if err != nil {
		return nil, err
	}
	params := map[string][]string{}
	for i := 0; i < len(all); i++ {
		if all[i].kind != 'w' {
			continue
		}
		key := strings.ToLower(all[i].text)
		if i+2 >= len(all) || all[i+1].kind != '=' {
			if strings.Trim(key, "[]") == "" {
				continue
			}
			return nil, r.errorf(opened, "%s has no value", key)
		}
		i += 2
		if all[i].kind == 's' {
			params[key] = []string{all[i].text}
			continue
		}
		if !strings.HasPrefix(all[i].text, "[") { // a list: ["a", "b"]
			params[key] = []string{all[i].text}
			continue
		}
		for ; i < len(all) && (all[i].kind == 's' || !strings.HasSuffix(all[i].text, "]")); i++ {
			if all[i].kind == 's' {
				params[key] = append(params[key], all[i].text)
			}
		}
	}
	return params, nil
}

// condition reads if EXPRESSION then …
func (r *rainer) condition(s rstatement) (rstatement, error) {
	s.kind = "if"
	from := r.pos
	for {
		r.space()
		if r.pos == len(r.text) {
			return s, r.errorf(s.at, "there is no then behind if; is the file complete?")
		}
		at := r.at()
		switch c := r.text[r.pos]; {
		case c == '"' || c == '\'':
			text, err := r.quoted(c)
			if err != nil {
				return s, err
			}
			s.tokens = append(s.tokens, token{kind: 's', text: text, at: at})
		case strings.IndexByte("()[],<>=!+-*/%&|;{}~", c) >= 0:
			r.pos++
			s.tokens = append(s.tokens, token{kind: rune(c), text: string(c), at: at})
		default:
			start := r.pos
			for r.pos < len(r.text) && strings.IndexByte(" \t\r\n()[],<>=\"';{}", r.text[r.pos]) < 0 && (r.text[r.pos] != '!' || r.pos > start) {
				r.pos++
			}
			word := r.text[start:r.pos]
			if word == "" {
				r.pos++
				continue
			}
			if strings.EqualFold(word, "then") {
				s.filter = strings.TrimSpace(r.text[from:start])
				var err error
				if s.body, err = r.actions(); err != nil {
					return s, err
				}
				return r.otherwise(s)
			}
			s.tokens = append(s.tokens, token{kind: 'w', text: word, at: at})
		}
		if len(s.tokens) > 10*maxConditions {
			return s, r.errorf(s.at, "the condition is too large")
		}
	}
}

func (r *rainer) otherwise(s rstatement) (rstatement, error) {
	at, line := r.pos, r.line
	r.space()
	if !strings.EqualFold(r.ident(), "else") {
		r.pos, r.line = at, line
		return s, nil
	}
	r.pos += len("else")
	var err error
	s.other, err = r.actions()
	return s, err
}

// actions reads a block, or one action.
func (r *rainer) actions() ([]rstatement, error) {
	if r.nested++; r.nested > maxDepth {
		return nil, r.errorf(r.at(), "filters stand in one another more than %d times", maxDepth)
	}
	defer func() { r.nested-- }()
	r.space()
	if r.pos == len(r.text) {
		return nil, r.errorf(r.at(), "an action is missing; is the file complete?")
	}
	if r.text[r.pos] == '{' {
		r.pos++
		return r.statements(true)
	}
	switch c := r.text[r.pos]; {
	case c == '@' || c == '-' || c == '/' || c == '?' || c == '|' || c == '^' || c == '*' || c == ':':
		return []rstatement{{at: r.at(), kind: "legacy", text: r.restOfLine()}}, nil
	}
	s, err := r.statement()
	return []rstatement{s}, err
}

// property reads :property, operation, "value" action.
func (r *rainer) property(s rstatement) (rstatement, error) {
	s.kind = "property"
	line, _, _ := strings.Cut(r.text[r.pos:], "\n")
	end := strings.IndexByte(line, '"')
	if end < 0 {
		s.kind, s.text = "legacy", r.restOfLine() // :omusrmsg:*
		return s, nil
	}
	s.filter = r.text[r.pos : r.pos+end]
	r.pos += end
	value, err := r.quoted('"')
	if err != nil {
		return s, err
	}
	s.text = value
	s.body, err = r.actions()
	return s, err
}

// selector reads facility.severity action.
func (r *rainer) selector(s rstatement) (rstatement, error) {
	s.kind = "selector"
	end := strings.IndexAny(r.text[r.pos:], " \t\n{")
	if end <= 0 || r.text[r.pos+end] == '\n' || !strings.Contains(r.text[r.pos:r.pos+end], ".") {
		line := r.restOfLine()
		if line == "" {
			r.pos = min(r.pos+1, len(r.text))
		}
		s.kind, s.text = "unknown", line
		return s, nil
	}
	s.filter = r.text[r.pos : r.pos+end]
	r.pos += end
	var err error
	s.body, err = r.actions()
	return s, err
}

// parseRainer reads a file.
func parseRainer(file, text string) ([]rstatement, error) {
	r := &rainer{lexer: lexer{text: text, file: file, line: 1}}
	all, err := r.statements(false)
	if err != nil {
		return nil, fmt.Errorf("%w", err)
	}
	return all, nil
}
