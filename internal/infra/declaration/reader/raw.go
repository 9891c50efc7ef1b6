package reader

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
)

// Raw is the value as compact JSON, without comments.
func (v *Value) Raw() json.RawMessage {
	var b bytes.Buffer
	v.write(&b)
	return b.Bytes()
}

func (v *Value) write(b *bytes.Buffer) {
	switch v.Kind {
	case KindObject:
		b.WriteByte('{')
		comma := ""
		for _, m := range v.Members {
			if m.Name != comment {
				fmt.Fprintf(b, "%s%s:", comma, Quoted(m.Name))
				m.Value.write(b)
				comma = ","
			}
		}
		b.WriteByte('}')
	case KindList:
		b.WriteByte('[')
		for i, item := range v.Items {
			if i > 0 {
				b.WriteByte(',')
			}
			item.write(b)
		}
		b.WriteByte(']')
	case KindText:
		b.WriteString(Quoted(v.Text))
	default:
		b.WriteString(v.Text)
	}
}

// Quoted is a JSON string, with & < > as they are.
func Quoted(s string) string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(s) // a string into a buffer: cannot fail
	return strings.TrimSuffix(b.String(), "\n")
}
