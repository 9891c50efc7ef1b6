package importer

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// filter is what a filter of Cribl says: a condition, and the input that it asks for.
type filter struct {
	when  when
	input string // syslog:in_syslog
}

// javascript reads the expressions of Cribl that are comparisons with constants.
type javascript struct {
	m       *model
	all     []token        // kinds: w word, s text, r expression with flags in kids[0], or a sign
	changed map[string]int // fields that functions before have changed, with their lines
	input   string
	depth   int
	inside  int // of ! and ||
}

var jsToken = regexp.MustCompile("^(?:\\s+|([A-Za-z_$][A-Za-z0-9_$.]*)|(-?[0-9]+)|'((?:[^'\\\\]|\\\\.)*)'|\"((?:[^\"\\\\]|\\\\.)*)\"|`([^`$\\\\]*)`|(===|!==|==|!=|<=|>=|&&|\\|\\||[!<>(),]))")

var (
	jsRegex  = regexp.MustCompile(`^/((?:[^/\\\n\[]|\\.|\[(?:[^\]\\\n]|\\.)*\])+)/([a-z]*)`)
	jsMethod = regexp.MustCompile(`^\.([A-Za-z]+)`)
	jsEscape = regexp.MustCompile(`\\(.)`)
)

// tokens divides an expression.
func jsTokens(text string) ([]token, error) {
	var all []token
	for len(text) > 0 {
		operand := len(all) > 0 && (all[len(all)-1].kind == 'w' || all[len(all)-1].kind == 's' || all[len(all)-1].text == ")")
		if m := jsRegex.FindStringSubmatch(text); m != nil && !operand {
			all = append(all, token{kind: 'r', text: m[1], kids: []token{{text: m[2]}}})
			text = text[len(m[0]):]
			continue
		}
		if m := jsMethod.FindStringSubmatch(text); m != nil {
			all = append(all, token{kind: '.', text: m[1]})
			text = text[len(m[0]):]
			continue
		}
		m := jsToken.FindStringSubmatch(text)
		if m == nil || len(all) > 10*maxConditions {
			return nil, errors.New("this is no comparison with a constant")
		}
		switch {
		case m[1] != "":
			all = append(all, token{kind: 'w', text: m[1]})
		case m[2] != "":
			all = append(all, token{kind: 's', text: m[2]})
		case m[6] != "":
			all = append(all, token{kind: '!', text: m[6]})
		case strings.ContainsAny(m[0][:1], "'\"`"):
			all = append(all, token{kind: 's', text: jsEscape.ReplaceAllString(m[3]+m[4]+m[5], "$1")})
		}
		text = text[len(m[0]):]
	}
	return all, nil
}

// jsConstant returns the text of an expression that is a constant.
func jsConstant(text string) (string, bool) {
	all, err := jsTokens(strings.TrimSpace(text))
	if err != nil || len(all) != 1 || all[0].kind != 's' {
		return "", false
	}
	return all[0].text, true
}

// filter reads a filter. An empty one, true and 1 always hold.
func (m *model) filter(text string, changed map[string]int) (filter, error) {
	text = strings.TrimSpace(text)
	if text == "" || text == "true" || text == "1" {
		return filter{}, nil
	}
	all, err := jsTokens(text)
	if err != nil {
		return filter{}, err
	}
	j := &javascript{m: m, all: all, changed: changed}
	w, err := j.or()
	if err == nil && len(j.all) != 0 {
		err = fmt.Errorf("%q is not understood", j.all[0].text)
	}
	return filter{w, j.input}, err
}

func (j *javascript) take(text string) bool {
	if len(j.all) != 0 && j.all[0].kind != 's' && j.all[0].text == text {
		j.all = j.all[1:]
		return true
	}
	return false
}

func (j *javascript) or() (when, error) {
	if j.depth++; j.depth > maxDepth {
		return nil, errLarge
	}
	defer func() { j.depth-- }()
	input := j.input
	w, err := j.and()
	for err == nil && j.take("||") {
		if j.input != input {
			return nil, errors.New("__inputId beside ||")
		}
		j.inside++
		var other when
		if other, err = j.and(); err == nil {
			w, err = either(w, other)
		}
		j.inside--
	}
	return w, err
}

func (j *javascript) and() (when, error) {
	w, err := j.not()
	for err == nil && j.take("&&") {
		var other when
		if other, err = j.not(); err == nil {
			w, err = both(w, other)
		}
	}
	return w, err
}

func (j *javascript) not() (when, error) {
	if j.depth++; j.depth > 4*maxDepth {
		return nil, errLarge
	}
	defer func() { j.depth-- }()
	switch {
	case j.take("!"):
		j.inside++
		w, err := j.not()
		j.inside--
		if err != nil {
			return nil, err
		}
		return none(w)
	case j.take("("):
		w, err := j.or()
		if err == nil && !j.take(")") {
			err = errors.New("a bracket is not closed")
		}
		return w, err
	case j.take("true"):
		return nil, nil
	}
	return j.comparison()
}

// comparison reads host=='a', host.startsWith('a'), /a/.test(_raw), severity<=4.
func (j *javascript) comparison() (when, error) {
	if len(j.all) == 0 {
		return nil, errors.New("the filter ends too early")
	}
	t := j.all[0]
	j.all = j.all[1:]
	if t.kind == 'r' { // /a/.test(field)
		if len(j.all) < 4 || j.all[0].text != "test" || j.all[1].text != "(" || j.all[2].kind != 'w' || j.all[3].text != ")" {
			return nil, errors.New("an expression that is not used with test(field)")
		}
		field := j.all[2].text
		j.all = j.all[4:]
		return j.about(field, matches, t)
	}
	if t.kind != 'w' {
		return nil, fmt.Errorf("%q is no field", t.text)
	}
	field, method, ok := cutLast(t.text, ".")
	if ok && len(j.all) != 0 && j.all[0].text == "(" {
		how, known := map[string]match{"startsWith": begins, "endsWith": ends, "includes": contains, "match": matches, "indexOf": contains}[method]
		if !known || len(j.all) < 3 || j.all[2].text != ")" {
			return nil, fmt.Errorf("%s(…)", t.text)
		}
		value := j.all[1]
		j.all = j.all[3:]
		if value.kind != 's' && (value.kind != 'r' || how != matches) {
			return nil, fmt.Errorf("%s of this", t.text)
		}
		if method == "indexOf" {
			return j.indexOf(field, value)
		}
		return j.about(field, how, value)
	}
	if len(j.all) < 2 || j.all[1].kind != 's' {
		return nil, fmt.Errorf("%q is not compared with a constant", t.text)
	}
	op, value := j.all[0].text, j.all[1]
	j.all = j.all[2:]
	switch op {
	case "==", "===":
		return j.about(t.text, equals, value)
	case "!=", "!==":
		j.inside++
		w, err := j.about(t.text, equals, value)
		j.inside--
		if err != nil {
			return nil, err
		}
		return none(w)
	case "<", "<=", ">", ">=":
		if t.text == "severity" && j.changed["severity"] == 0 {
			return ordered("syslogseverity", op, value.text)
		}
	}
	return nil, fmt.Errorf("%s %s", t.text, op)
}

// indexOf reads what is compared with the place of a text: -1 says that it is not there.
func (j *javascript) indexOf(field string, value token) (when, error) {
	if len(j.all) < 2 {
		return nil, errors.New("indexOf without a comparison")
	}
	op := j.all[0].text + j.all[1].text
	j.all = j.all[2:]
	switch op {
	case ">-1", ">=0", "!=-1", "!==-1":
		return j.about(field, contains, value)
	case "<0", "==-1", "===-1":
		j.inside++
		defer func() { j.inside-- }()
		w, err := j.about(field, contains, value)
		if err != nil {
			return nil, err
		}
		return none(w)
	}
	return nil, fmt.Errorf("indexOf %s", op)
}

func cutLast(text, sep string) (before, after string, ok bool) {
	i := strings.LastIndex(text, sep)
	if i < 0 {
		return text, "", false
	}
	return text[:i], text[i+len(sep):], true
}

// about makes the condition of a comparison of a field.
func (j *javascript) about(field string, how match, value token) (when, error) {
	if line := j.changed[field]; line != 0 || j.changed["*"] != 0 {
		return nil, fmt.Errorf("%s may have been changed above, in line %d", field, max(line, j.changed["*"]))
	}
	text, fold := value.text, false
	if value.kind == 'r' {
		fold = strings.Contains(value.kids[0].text, "i")
	} // a text in match is an expression, too
	switch field {
	case "__inputId":
		if j.inside != 0 || j.input != "" || how == contains || how == ends || how == matches {
			return nil, errors.New("__inputId can only be one of the parts that are joined by &&")
		}
		if j.input = text; how == begins {
			j.input += "*"
		}
		return nil, nil
	case "host":
		return about("host", how, text, fold)
	case "appname":
		return about("program", how, text, fold)
	case "message":
		return about("text", how, text, fold)
	case "_raw":
		if how == begins || how == equals || how == matches && strings.HasPrefix(text, "^") {
			return nil, errors.New("the beginning of _raw: conditions read the text behind header and program")
		}
		return about("text", how, text, fold)
	case "sourcetype":
		if how == equals {
			return j.m.bySourcetype(text)
		}
	case "severity", "severityName":
		if n := number(text, levels()); n >= 0 && how == equals {
			return when{{Level: []string{levels()[n]}}}, nil
		}
	case "facility", "facilityName":
		if n := number(text, facilities()); n >= 0 && how == equals {
			return when{{Facility: []string{facilities()[n]}}}, nil
		}
	case "__srcIpPort":
		if n, ok := network(strings.TrimSuffix(text, ":")); ok && how == begins && strings.HasSuffix(text, ":") {
			return when{{Sender: []string{n}}}, nil
		}
	}
	return nil, fmt.Errorf("the field %s, compared so", field)
}

// of returns the sources of an input that a filter asks for; nil: all.
func (f *filter) of(inputs map[string][]*source) []*source {
	if f.input == "" {
		return nil
	}
	begin, prefix := strings.CutSuffix(f.input, "*")
	if prefix && strings.HasPrefix("syslog:", begin) {
		return nil // all that the gateway takes
	}
	all := []*source{}
	for id, list := range inputs {
		for protocol, tail := range map[string]string{"udp": ":udp", "tcp": ":tcp"} {
			full := "syslog:" + id
			if f.input != full && f.input != full+tail && (!prefix || !strings.HasPrefix(full, begin)) {
				continue
			}
			for _, s := range list {
				only := f.input == full+tail
				if is := slices.Contains(s.Protocols, "udp"); (!only || is == (protocol == "udp") && len(s.Protocols) == 1) && !slices.Contains(all, s) {
					all = append(all, s)
				}
			}
		}
	}
	return all
}
