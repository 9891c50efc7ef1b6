package api

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
)

// decodeForm reads a query or a form body as Proxmox VE's server does: & and ; part,
// a value ends at a second raw =, + is a blank, a broken escape stays as it is.
func decodeForm(raw string) map[string]string {
	out := map[string]string{}
	for part := range strings.FieldsFuncSeq(raw, func(r rune) bool { return r == '&' || r == ';' }) {
		fields := strings.SplitN(part, "=", 3)
		if fields[0] == "" {
			continue
		}
		v := ""
		if len(fields) > 1 {
			v = unescape(fields[1])
		}
		out[unescape(fields[0])] = v
	}
	return out
}

func unescape(s string) string {
	if out, err := url.QueryUnescape(s); err == nil {
		return out
	}
	return strings.ReplaceAll(s, "+", " ")
}

// decodeJSON reads a JSON body. Booleans become 0 and 1, numbers keep their text, lists
// are joined as split_list takes them, null is as if not sent.
func decodeJSON(body []byte) (map[string]string, error) {
	dec := json.NewDecoder(strings.NewReader(string(body)))
	dec.UseNumber()
	var raw map[string]any
	if err := dec.Decode(&raw); err != nil {
		return nil, fmt.Errorf("malformed JSON body: %w", err)
	}
	out := map[string]string{}
	for k, v := range raw {
		if v == nil {
			continue
		}
		text, err := jsonText(v)
		if err != nil {
			return nil, fmt.Errorf("parameter %s: %w", k, err)
		}
		out[k] = text
	}
	return out, nil
}

func jsonText(v any) (string, error) {
	switch v := v.(type) {
	case string:
		return v, nil
	case json.Number:
		return v.String(), nil
	case bool:
		if v {
			return "1", nil
		}
		return "0", nil
	case []any:
		var texts []string
		for _, e := range v {
			text, err := jsonText(e)
			if err != nil {
				return "", err
			}
			texts = append(texts, text)
		}
		return strings.Join(texts, ","), nil
	}
	return "", fmt.Errorf("a %T is no parameter value", v)
}
