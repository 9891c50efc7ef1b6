package pvesim

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const maxBody = 512 << 10

// list is an answer with a "total" beside its data.
type list struct {
	data  any
	total int
}

// incoming is a request after decoding.
type incoming struct {
	method, path string // path below /api2/json, still escaped
	params       map[string]string
	extjs        bool
	req          *http.Request
	body         string
}

func (s *Sim) serve(w http.ResponseWriter, r *http.Request) {
	in, err := decode(r)
	var data any
	if err == nil {
		data, err = s.answer(in)
	}
	if drop, ok := err.(*droppedError); ok {
		drop.cut(w)
		return
	}
	s.write(w, in, data, err)
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
		return in, &apiError{status: 501, reason: fmt.Sprintf("Method '%s %s' not implemented", r.Method, path), bare: true}
	}
	in.path = strings.TrimRight(in.path, "/")
	switch r.Method {
	case "GET", "POST", "PUT", "DELETE", "HEAD":
	default:
		return in, &apiError{status: 501, reason: fmt.Sprintf("method '%s' not available", r.Method), bare: true}
	}
	in.params = decodeForm(r.URL.RawQuery)
	return in, in.readBody(r)
}

func (in *incoming) readBody(r *http.Request) error {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	if err != nil {
		return &apiError{status: 400, reason: "unable to read request: " + err.Error(), bare: true}
	}
	if len(body) == 0 {
		return nil
	}
	if r.Method == "DELETE" || r.Method == "GET" || r.Method == "HEAD" {
		return &apiError{status: 501, reason: fmt.Sprintf("Unexpected content for method '%s'", r.Method), bare: true}
	}
	if len(body) > maxBody {
		return &apiError{status: 501, reason: "for data too large", bare: true}
	}
	kind, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";")
	in.body = string(body)
	switch strings.TrimSpace(kind) {
	case "application/json":
		values, err := decodeJSON(body)
		if err != nil {
			return &apiError{status: 400, reason: oneLine(err.Error()), bare: true}
		}
		maps.Copy(in.params, values)
	case "application/x-www-form-urlencoded", "":
		maps.Copy(in.params, decodeForm(in.body))
	default:
		return &apiError{status: 506, reason: fmt.Sprintf("upload 'Content-Type '%s' not implemented", r.Header.Get("Content-Type")), bare: true}
	}
	return nil
}

// write answers. What net/http can't write, a reason phrase of our own, goes out over
// the bare connection, which then closes.
func (s *Sim) write(w http.ResponseWriter, in *incoming, data any, err error) {
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
	if l, ok := data.(list); ok {
		answer["data"], answer["total"] = l.data, l.total
	}
	if err != nil {
		e, ok := err.(*apiError)
		if !ok {
			e = &apiError{status: 500, reason: err.Error()}
		}
		status, reason = e.status, oneLine(e.reason)
		if e.bare {
			return status, reason, nil
		}
		answer = map[string]any{"data": nil, "message": e.reason + "\n"}
		if len(e.errors) > 0 {
			answer["errors"] = e.errors
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
		return 500, oneLine(jsonErr.Error()), nil
	}
	return status, reason, body
}

// oneLine makes text fit for a status line.
func oneLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, line)
}

// segments are the unescaped elements of a path.
func segments(path string) ([]string, error) {
	var out []string
	for e := range strings.SplitSeq(strings.TrimPrefix(path, "/"), "/") {
		u, err := url.PathUnescape(e)
		if err != nil {
			return nil, err
		}
		out = append(out, u)
	}
	return out, nil
}
