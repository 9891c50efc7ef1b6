package declaration

import (
	"strings"

	"syslog-gateway/internal/infra/declaration/reader"
)

// Schema is the declaration as a JSON schema (draft 7), for editors. It knows forms and words;
// what fits together only Load knows.
func Schema() map[string]any {
	root := object()
	root["$schema"] = "http://json-schema.org/draft-07/schema#"
	root["title"] = "deployment.json of provision"
	// An editor is told of this schema by such a key.
	properties(root)["$schema"] = map[string]any{"type": "string"}
	for _, k := range Keys() {
		at := root
		path, name := k.Object()
		for _, element := range strings.Split(strings.ReplaceAll(path, "[]", ".[]"), ".") {
			at = below(at, element)
		}
		if name != reader.AnyKey {
			properties(at)[name] = k.schema(properties(at)[name])
			if k.Needed {
				needed, _ := at["required"].([]string)
				at["required"] = append(needed, name)
			}
			continue
		}
		at["additionalProperties"] = k.schema(at["additionalProperties"])
	}
	return root
}

// object is the schema of an object without keys. Each may have a comment.
func object() map[string]any {
	return map[string]any{"type": []string{"object", "null"}, "additionalProperties": false, "properties": map[string]any{"_comment": map[string]any{}}}
}

func properties(o map[string]any) map[string]any { p, _ := o["properties"].(map[string]any); return p }

// below is the schema of an element of a path, made if it is not there.
func below(at map[string]any, element string) map[string]any {
	place, key := properties(at), element
	switch element {
	case "":
		return at
	case reader.AnyKey:
		place, key = at, "additionalProperties"
	case "[]":
		place, key = at, "items"
	}
	next, ok := place[key].(map[string]any)
	if !ok {
		next = object()
		place[key] = next
	}
	return next
}

// schema is that of the key's value. had is what was made of the keys below it before.
func (k Key) schema(had any) map[string]any {
	s, _ := had.(map[string]any)
	if s == nil {
		s = map[string]any{}
	}
	// Null is as if the key was not there.
	nullable := func(kind string) []string { return []string{kind, "null"} }
	switch k.Kind {
	case reader.KindObject:
		for key, value := range object() {
			if s[key] == nil {
				s[key] = value
			}
		}
	case reader.KindList:
		s["type"] = nullable("array")
		switch {
		case k.Items == reader.KindObject && s["items"] == nil:
			s["items"] = object()
		case k.Items == reader.KindText:
			s["items"] = map[string]any{"type": "string"}
			if k.Words != nil {
				s["items"] = map[string]any{"enum": k.Words}
			}
		}
	case reader.KindText:
		s["type"] = nullable("string")
		if k.Words != nil {
			delete(s, "type")
			words := []any{nil}
			for _, w := range k.Words {
				words = append(words, w)
			}
			s["enum"] = words
		}
	case reader.KindNumber:
		s["type"] = nullable("number")
		if k.Whole {
			s["type"] = nullable("integer")
		}
		if k.Ranged {
			s["minimum"], s["maximum"] = k.Range[0], k.Range[1]
		}
	case reader.KindFlag:
		s["type"] = nullable("boolean")
	case reader.KindNull: // asked for, and not used
	}
	if text := k.Means; text != "" {
		s["description"] = strings.ReplaceAll(text, "`", "")
	}
	return s
}
