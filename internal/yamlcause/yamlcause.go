// Package yamlcause says where a text is not valid YAML, and the usual cause. The errors of the
// parser name the line before the mistake, the one where its section begins, or none.
package yamlcause

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// maxParsed bounds what is parsed to find the line, in bytes: each line of the text costs all
// before it. It is half a second. Of a longer text the parser's line is told.
const maxParsed = 16 << 20

// A Problem is one mistake.
type Problem struct {
	Line int    // from 1 on; 0: not known
	Text string // the parser's words, and the usual cause
}

// Of returns the place and the cause of an error of the parser about a text: one or more YAML
// documents. It shows nothing of the text, which may hold secrets.
func Of(err error, text []byte) Problem {
	p := Problem{}
	p.Text, p.Line = split(err)
	lines := bytes.SplitAfter(text, []byte{'\n'})
	if len(text)*len(lines)/2 > maxParsed {
		return p
	}
	if n := firstBad(lines); n > 0 {
		p.Line = n
		p.Text += "; " + cause(p.Text, lines, n)
		p.Text = strings.TrimSuffix(p.Text, "; ")
	}
	return p
}

var (
	lineOf = regexp.MustCompile(`^yaml: line (\d+): `)
	empty  = regexp.MustCompile(`^\s*(#.*)?$`)
)

// split takes the line out of an error of the parser.
func split(err error) (text string, line int) {
	text = err.Error()
	if m := lineOf.FindStringSubmatch(text); m != nil {
		line, _ = strconv.Atoi(m[1])
		return text[len(m[0]):], line
	}
	return strings.TrimPrefix(text, "yaml: "), 0
}

// firstBad returns the line in which the mistake begins: the one after the longest beginning
// of the text that is valid. Where a bracket or a quote is never closed it is the line that
// opens it.
func firstBad(lines [][]byte) int {
	valid := 0
	for n, line := range lines {
		if empty.Match(line) {
			if valid == n { // goes on
				valid = n + 1
			}
			continue
		}
		if parses(bytes.Join(lines[:n+1], nil)) {
			valid = n + 1
		}
	}
	if valid == len(lines) {
		return 0
	}
	return valid + 1
}

// parses reports whether a text is documents that are maps or empty.
func parses(text []byte) bool {
	documents := yaml.NewDecoder(bytes.NewReader(text))
	for {
		var n yaml.Node
		err := documents.Decode(&n)
		if errors.Is(err, io.EOF) {
			return true
		}
		if err != nil || n.Content[0].Kind == yaml.ScalarNode && n.Content[0].Tag != "!!null" {
			return false
		}
	}
}

// cause is what is usually wrong in such a line.
func cause(text string, lines [][]byte, n int) string {
	line := strings.TrimRight(string(lines[n-1]), "\r\n")
	indent := line[:len(line)-len(strings.TrimLeft(line, " \t"))]
	word := strings.TrimSpace(line)
	_, value, colon := strings.Cut(word, ": ")
	switch {
	case strings.Contains(indent, "\t"):
		return "the line begins with a tab: YAML indents with blanks only"
	case strings.Contains(text, "end of stream"):
		return "a quotation mark that opens here is never closed"
	case strings.Contains(text, "',' or"), strings.Contains(text, "node content"):
		return "a bracket that opens here is never closed, or a comma is missing"
	case strings.Contains(text, "cannot start any token"):
		return "put text that begins with @, ` or % in quotes"
	case strings.Contains(text, "unknown escape"):
		return `in double quotes \ begins an escape: write \\ or use single quotes`
	case !colon && !strings.HasSuffix(word, ":") && !strings.HasPrefix(word, "-"):
		return "write `key: value`, with a blank after the colon"
	case strings.Contains(text, "mapping values") && strings.Contains(value, ": "):
		return "put a value with a colon and a blank in quotes"
	case strings.Contains(text, "mapping values"), strings.Contains(text, "did not find expected"):
		return "it is not indented as the other keys of its section"
	}
	return ""
}

// Unique removes the keys that a map below n has twice, all but the first, and returns a
// problem for each, by line.
func Unique(n *yaml.Node) []Problem {
	var all []Problem
	unique(n, &all)
	slices.SortStableFunc(all, func(a, b Problem) int { return a.Line - b.Line })
	return all
}

func unique(n *yaml.Node, found *[]Problem) {
	if n.Kind == yaml.MappingNode {
		first := make(map[string]int, len(n.Content)/2)
		var kept []*yaml.Node
		for i := 0; i+1 < len(n.Content); i += 2 {
			key := n.Content[i]
			if line, ok := first[key.Value]; ok && key.Kind == yaml.ScalarNode {
				*found = append(*found, Problem{key.Line, fmt.Sprintf("key %q already defined at line %d; remove one of the two", key.Value, line)})
				continue
			}
			first[key.Value] = key.Line
			kept = append(kept, n.Content[i:i+2]...)
		}
		n.Content = kept
	}
	for _, child := range n.Content { // aliases have none: their anchors are nodes of the tree
		unique(child, found)
	}
}
