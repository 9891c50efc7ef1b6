package hec

import (
	"bytes"
	"encoding/json"
)

// originalIndex is the field of an event in the fallback index that holds the index that it
// was sent to.
const originalIndex = "original_index"

// object is a JSON object whose members are kept unchanged.
type object map[string]json.RawMessage

// indexOf is the index that an event names; empty: the token's default.
func indexOf(line []byte) string {
	var e struct {
		Index string `json:"index"`
	}
	_ = json.Unmarshal(line, &e) // an event that is no JSON has no index
	return e.Index
}

// reroute returns the event with another index, and with its old index in
// fields.original_index. It returns false when the event is not an object.
func reroute(line []byte, index string) ([]byte, bool) {
	e, fields, ok := openEvent(line)
	if !ok {
		return nil, false
	}
	if was, ok := e["index"]; ok {
		fields[originalIndex] = was
	}
	e["index"] = encode(index)
	return e.with(fields), true
}

// openEvent reads an event and its fields.
func openEvent(line []byte) (e, fields object, ok bool) {
	if json.Unmarshal(line, &e) != nil || e == nil {
		return nil, nil, false
	}
	if raw, has := e["fields"]; has && json.Unmarshal(raw, &fields) != nil {
		return nil, nil, false
	}
	if fields == nil {
		fields = make(object)
	}
	return e, fields, true
}

// with writes the event with these fields.
func (e object) with(fields object) []byte {
	delete(e, "fields")
	if len(fields) > 0 {
		e["fields"] = encode(fields)
	}
	return encode(e)
}

// encode writes JSON in one line, its text as it is: without escapes for HTML.
func encode(v any) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(v) // texts and what was read as JSON always can be written
	return bytes.TrimSuffix(b.Bytes(), []byte{'\n'})
}
