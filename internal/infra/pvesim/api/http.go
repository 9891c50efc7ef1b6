package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"syslog-gateway/internal/infra/pvesim/refusal"
	"syslog-gateway/internal/infra/pvesim/schema"
)

const maxBody = 512 << 10

// List is an answer with a "total" beside its data.
type List struct {
	Data  any
	Total int
}

// incoming is a request after decoding.
type incoming struct {
	method, path string // path below /api2/json, still escaped
	params       map[string]string
	extjs        bool
	req          *http.Request
	body         string
	upload       *Upload
}

// decode takes the request apart. Its errors are those of the HTTP layer: no login is
// needed to get them.
func decode(r *http.Request) (*incoming, error) {
	in := &incoming{method: r.Method, req: r}
	path := r.URL.EscapedPath()
	switch {
	case strings.HasPrefix(path, "/api2/json/"):
		in.path = strings.TrimPrefix(path, "/api2/json")
	case strings.HasPrefix(path, "/api2/extjs/"):
		in.path, in.extjs = strings.TrimPrefix(path, "/api2/extjs"), true
	default:
		return in, &refusal.Error{Status: 501, Reason: fmt.Sprintf("Method '%s %s' not implemented", r.Method, path), Bare: true}
	}
	in.path = strings.TrimRight(in.path, "/")
	switch r.Method {
	case "GET", "POST", "PUT", "DELETE", "HEAD":
	default:
		return in, &refusal.Error{Status: 501, Reason: fmt.Sprintf("method '%s' not available", r.Method), Bare: true}
	}
	in.params = decodeForm(r.URL.RawQuery)
	return in, in.readBody(r)
}

func (in *incoming) readBody(r *http.Request) error {
	kind, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";")
	kind = strings.TrimSpace(kind)
	if kind == "multipart/form-data" && r.Method == "POST" && strings.HasSuffix(in.path, "/upload") {
		return in.readUpload(r)
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	if err != nil {
		return &refusal.Error{Status: 400, Reason: "unable to read request: " + err.Error(), Bare: true}
	}
	if len(body) == 0 {
		return nil
	}
	if r.Method == "DELETE" || r.Method == "GET" || r.Method == "HEAD" {
		return &refusal.Error{Status: 501, Reason: fmt.Sprintf("Unexpected content for method '%s'", r.Method), Bare: true}
	}
	if len(body) > maxBody {
		return &refusal.Error{Status: 501, Reason: "for data too large", Bare: true}
	}
	in.body = string(body)
	switch kind {
	case "application/json":
		values, err := decodeJSON(body)
		if err != nil {
			return &refusal.Error{Status: 400, Reason: refusal.OneLine(err.Error()), Bare: true}
		}
		maps.Copy(in.params, values)
	case "application/x-www-form-urlencoded", "":
		maps.Copy(in.params, decodeForm(in.body))
	default:
		return &refusal.Error{Status: 506, Reason: fmt.Sprintf("upload 'Content-Type '%s' not implemented", r.Header.Get("Content-Type")), Bare: true}
	}
	return nil
}

// write answers. net/http cannot write a reason phrase of our own: such an answer goes
// out over the bare connection, which then closes.
func write(w http.ResponseWriter, in *incoming, data any, err error) {
	status, reason, body := encode(in, data, err)
	h := w.Header()
	h.Set("Server", "pve-api-daemon/3.0")
	h.Set("Cache-Control", "max-age=0")
	h.Set("Pragma", "no-cache")
	if body != nil {
		h.Set("Content-Type", "application/json;charset=UTF-8")
	}
	if status != http.StatusOK && reason != http.StatusText(status) {
		if conn, buf, err := http.NewResponseController(w).Hijack(); err == nil {
			defer conn.Close()
			_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
			fmt.Fprintf(buf, "HTTP/1.1 %d %s\r\n", status, reason)
			h.Set("Connection", "close")
			h.Set("Date", time.Now().UTC().Format(http.TimeFormat))
			h.Set("Content-Length", strconv.Itoa(len(body)))
			_ = h.Write(buf)
			_, _ = buf.WriteString("\r\n")
			_, _ = buf.Write(body)
			_ = buf.Flush()
			return
		}
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

// encode makes status line and body, in the json or the extjs form.
func encode(in *incoming, data any, err error) (status int, reason string, body []byte) {
	status, reason = 200, "OK"
	answer := map[string]any{"data": data}
	if l, ok := data.(List); ok {
		answer["data"], answer["total"] = l.Data, l.Total
	}
	if err != nil {
		e, ok := errors.AsType[*refusal.Error](err)
		if !ok {
			e = &refusal.Error{Status: 500, Reason: err.Error()}
		}
		status, reason = e.Status, refusal.OneLine(e.Reason)
		if e.Bare {
			return status, reason, nil
		}
		answer = map[string]any{"data": nil, "message": e.Reason + "\n"}
		if len(e.Params) > 0 {
			answer["errors"] = e.Params
		}
	}
	if in.extjs {
		answer["success"] = 1
		if status != 200 {
			answer["success"], answer["status"] = 0, any(status)
			if _, ok := answer["errors"]; ok {
				answer["status"] = strconv.Itoa(status)
			}
		}
		status, reason = 200, "OK"
	}
	body, jsonErr := json.Marshal(answer)
	if jsonErr != nil {
		return 500, refusal.OneLine(jsonErr.Error()), nil
	}
	return status, reason, body
}

// cut ends the connection without an answer.
func cut(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		w.WriteHeader(http.StatusBadGateway) // nothing to cut: a recorder of httptest
		return
	}
	_ = conn.Close()
}

// decodeForm reads a query or a form body as Proxmox VE's server does: & and ; part,
// a value ends at a second raw =, + is a blank, a broken escape stays as it is. What comes
// again is a further value ([schema.Again]).
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
		k := unescape(fields[0])
		if old, ok := out[k]; ok {
			v = old + schema.Again + v
		}
		out[k] = v
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
// are as values that come again, null is as if not sent.
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
		return strings.Join(texts, schema.Again), nil
	}
	return "", fmt.Errorf("a %T is no parameter value", v)
}
