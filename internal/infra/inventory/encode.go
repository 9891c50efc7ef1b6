package inventory

import (
	"bytes"
	"encoding/json"
	"fmt"

	"go.yaml.in/yaml/v3"
)

// JSON is the document as consumers load it: the bare object on one line, keys sorted,
// with a newline.
func (inv *Inventory) JSON() ([]byte, error) { return canonical(inv) }

// YAML is the same document as YAML, keys sorted.
func (inv *Inventory) YAML() ([]byte, error) { return asYAML(inv) }

// canonical is v as compact JSON with sorted keys on every level, and a newline.
func canonical(v any) ([]byte, error) {
	doc, err := generic(v)
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(doc)
	if err != nil {
		return nil, fmt.Errorf("inventory: %w", err)
	}
	return append(text, '\n'), nil
}

// generic is v as maps, lists, strings, json.Number, bool and nil.
func generic(v any) (any, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("inventory: %w", err)
	}
	return decode(text)
}

// decode reads one JSON document and refuses anything after it.
func decode(text []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var doc any
	if err := d.Decode(&doc); err != nil {
		return nil, fmt.Errorf("inventory: not JSON: %w", err)
	}
	if d.More() {
		return nil, fmt.Errorf("inventory: there is something after the JSON document, at byte %d", d.InputOffset())
	}
	return doc, nil
}

// asYAML goes by way of JSON, which is YAML: names and omitted keys are the same.
func asYAML(v any) ([]byte, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("inventory: %w", err)
	}
	var doc any
	if err := yaml.Unmarshal(text, &doc); err != nil {
		return nil, fmt.Errorf("inventory: %w", err)
	}
	var out bytes.Buffer
	enc := yaml.NewEncoder(&out)
	enc.SetIndent(2)
	if err := enc.Encode(doc); err != nil {
		return nil, fmt.Errorf("inventory: %w", err)
	}
	return out.Bytes(), enc.Close()
}
