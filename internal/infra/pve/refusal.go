package pve

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"

	"syslog-gateway/internal/printable"
)

// refusal makes an error of an answer with a status of 300 or more. Current versions
// say why in the body, older ones only in the reason phrase; before the login check
// there is no body, and a proxy in between may have replaced either.
func (t *transport) refusal(req *http.Request, res *http.Response, body []byte) *Error {
	e := &Error{Method: req.Method, Path: t.path(req.URL), Status: res.StatusCode}
	e.Unknown = fromTheWay(e.Status) && e.Method != http.MethodGet
	var answer struct {
		Message string
		Errors  map[string]any
	}
	isAPI := json.Unmarshal(body, &answer) == nil
	if len(answer.Errors) > 0 {
		e.Params = make(map[string]string, len(answer.Errors))
		for k, v := range answer.Errors {
			e.Params[k] = strings.TrimSpace(fmt.Sprint(v))
		}
	}
	_, phrase, _ := strings.Cut(res.Status, " ")
	phrase = strings.TrimSpace(phrase)
	switch message := strings.TrimSpace(answer.Message); {
	case message != "":
		e.Reason = message
	case phrase != "" && phrase != http.StatusText(e.Status):
		e.Reason = phrase
	case !isAPI && len(body) > 0:
		e.Reason = reasonOf(e.Status) + ": " + strange(res, body)
	default:
		e.Reason = reasonOf(e.Status)
	}
	if e.Status < 400 {
		e.Reason = fmt.Sprintf("redirected to %q: PROXMOX_VE_ENDPOINT must name the API itself", res.Header.Get("Location"))
	}
	return e
}

var tags = regexp.MustCompile(`(?s)<(?:script|style).*?</(?:script|style)>|<[^>]*>`)

// strange describes, in one line, an answer that did not come from the API.
func strange(res *http.Response, body []byte) string {
	if len(body) > 64*maxExcerpt {
		body = body[:64*maxExcerpt]
	}
	text := printable.Cut(printable.Fold(tags.ReplaceAllString(strings.ToValidUTF8(string(body), "?"), " ")), maxExcerpt)
	if text == "" {
		return "an empty body"
	}
	return fmt.Sprintf("%s %q", strings.TrimSpace("a body of "+res.Header.Get("Content-Type")), text)
}
