package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"

	"go.yaml.in/yaml/v3"

	"syslog-gateway/internal/yamlcause"
)

// document is a parsed configuration file.
type document struct {
	name   string
	root   *yaml.Node
	values map[string]any
	twice  []yamlcause.Problem // keys that are there twice; the first ones count in values
}

// parse reads a YAML file that consists of one mapping. An empty file is an empty
// mapping.
func parse(name string, data []byte) (document, error) {
	doc := document{name: name, values: map[string]any{}}
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	var node yaml.Node
	switch err := decoder.Decode(&node); {
	case errors.Is(err, io.EOF):
		return doc, nil
	case err != nil:
		return doc, invalid(name, err, data)
	}
	if err := decoder.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return doc, fmt.Errorf("%s: contains more than one YAML document; remove the line ---", name)
	}
	if line := tagged(&node); line != 0 {
		return doc, fmt.Errorf("%s:%d: YAML tags (!…) are not used in this file; put text that begins with ! in quotes", name, line)
	}
	doc.twice = yamlcause.Unique(&node)
	var values any
	if err := node.Decode(&values); err != nil {
		return doc, invalid(name, err, data)
	}
	doc.root = node.Content[0]
	if values == nil {
		return doc, nil
	}
	m, ok := values.(map[string]any)
	if !ok {
		return doc, fmt.Errorf("%s: the file is %s; write sections such as hec: and queue: there", name, kindOf(values))
	}
	doc.values = m
	return doc, nil
}

// invalid wraps an error of the parser. The error about an unknown alias would show
// text of the file: a password that begins with * and has no quotes is an alias.
func invalid(name string, err error, data []byte) error {
	if strings.Contains(err.Error(), "anchor") {
		return fmt.Errorf("%s: not valid YAML: an alias (*) without an anchor; put text that begins with * or & in quotes", name)
	}
	p := yamlcause.Of(err, data)
	if p.Line > 0 {
		name = fmt.Sprintf("%s:%d", name, p.Line)
	}
	return fmt.Errorf("%s: not valid YAML: %s", name, p.Text)
}

// tagged returns the line of the first node that has an explicit tag, or 0. Tags
// change types, and the errors of the decoder about them would show values. Aliases
// need no visit: their anchors are nodes of the tree.
func tagged(n *yaml.Node) int {
	if n.Style&yaml.TaggedStyle != 0 {
		return n.Line
	}
	for _, child := range n.Content {
		if line := tagged(child); line != 0 {
			return line
		}
	}
	return 0
}

// where returns file and line of a key, or of the innermost section of its path that
// the file contains, and how many of the names were found.
func (d document) where(names []string) (string, int) {
	n, line, depth := d.root, 0, 0
	for _, name := range names {
		if n != nil && n.Kind == yaml.AliasNode {
			n = n.Alias
		}
		if n == nil || n.Kind != yaml.MappingNode {
			break
		}
		found := false
		for i := 0; i+1 < len(n.Content); i += 2 {
			if n.Content[i].Value == name {
				line, n, found = n.Content[i].Line, n.Content[i+1], true
				break
			}
		}
		if !found {
			break
		}
		depth++
	}
	if depth == 0 {
		return d.name, 0
	}
	return fmt.Sprintf("%s:%d", d.name, line), depth
}

// YAML returns the effective configuration: every key, in the order of the reference.
// Secrets are written as "<secret>", so [Load] accepts it only after they are filled in.
func (c Config) YAML() ([]byte, error) {
	var b bytes.Buffer
	encoder := yaml.NewEncoder(&b)
	encoder.SetIndent(2)
	if err := encoder.Encode(toNode(reflect.ValueOf(c))); err != nil {
		return nil, fmt.Errorf("write the configuration as YAML: %w", err)
	}
	return b.Bytes(), nil
}

func toNode(v reflect.Value) *yaml.Node {
	switch v.Kind() {
	case reflect.Struct:
		n := &yaml.Node{Kind: yaml.MappingNode}
		for _, f := range fields(v.Type()) {
			n.Content = append(n.Content, textNode(f.Tag.Get("koanf")), toNode(v.FieldByIndex(f.Index)))
		}
		return n
	case reflect.Map:
		n := &yaml.Node{Kind: yaml.MappingNode}
		if v.Len() == 0 {
			n.Style = yaml.FlowStyle
		}
		for _, name := range sortedKeys(v.Interface()) {
			n.Content = append(n.Content, textNode(name), toNode(v.MapIndex(reflect.ValueOf(name))))
		}
		return n
	case reflect.Slice:
		n := &yaml.Node{Kind: yaml.SequenceNode, Style: yaml.FlowStyle}
		for i := range v.Len() {
			n.Content = append(n.Content, toNode(v.Index(i)))
		}
		return n
	case reflect.String:
		return textNode(fmt.Sprint(v.Interface())) // a Secret prints as <secret>
	}
	if v.Kind() == reflect.Int64 { // durations and sizes
		return textNode(display(v.Interface()))
	}
	return &yaml.Node{Kind: yaml.ScalarNode, Value: display(v.Interface())}
}

// textNode returns a node for text, in quotes if YAML would read it as another type.
func textNode(s string) *yaml.Node {
	n := &yaml.Node{}
	n.SetString(s)
	return n
}
