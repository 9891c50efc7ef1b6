package stats

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"net/http"
	"strings"
	"time"
)

// refreshSeconds is how often the page loads itself again.
const refreshSeconds = 5

//go:embed page.html.tmpl
var pageText string

//go:embed style.css
var styleText string

// page is the template of /stats with its style, and the policy for a browser that
// allows this style and nothing from elsewhere.
type page struct {
	template *template.Template
	style    template.CSS
	policy   string
}

func newPage() (*page, error) {
	t, err := template.New("page").Funcs(template.FuncMap{
		"balances": balances,
		"number":   writeNumber,
		"size":     writeSize,
		"seconds":  func(s float64) string { return span(time.Duration(s * float64(time.Second))) },
		"age":      age,
		"moment":   moment,
		"percent":  percent,
		"advice":   bufferAdvice,
		"state":    endpointState,
		"join":     strings.Join,
	}).Parse(pageText)
	if err != nil {
		return nil, fmt.Errorf("stats: page template: %w", err)
	}
	// What stands between <style> and </style>, byte by byte (CSP level 3,
	// section 8.4).
	digest := sha256.Sum256([]byte(styleText))
	policy := "default-src 'self'; style-src 'self' 'sha256-" + base64.StdEncoding.EncodeToString(digest[:]) + "'; " +
		"img-src 'self' data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
	return &page{template: t, style: template.CSS(styleText), policy: policy}, nil
}

// view is what the template sees.
type view struct {
	status
	Style   template.CSS
	Refresh int // seconds; 0: the page stays as it is
}

// servePage renders the page whole before it sends the first byte, so an error never
// ends in half a page.
func (s *Server) servePage(w http.ResponseWriter, r *http.Request) {
	refresh := refreshSeconds
	_, options, some := strings.Cut(r.URL.Path, ";")
	for option := range strings.SplitSeq(options, ";") {
		switch {
		case option == "norefresh":
			refresh = 0
		case some:
			notFound(w)
			return
		}
	}
	if r.URL.Query().Has("norefresh") {
		refresh = 0
	}
	var b bytes.Buffer
	if err := s.page.template.Execute(&b, view{status: s.status(), Style: s.page.style, Refresh: refresh}); err != nil {
		s.broken(w, "/stats", err)
		return
	}
	write(w, http.StatusOK, "text/html; charset=utf-8", b.Bytes())
}

// writeNumber is number for whatever whole number a template has.
func writeNumber(n any) string {
	switch n := n.(type) {
	case int:
		return number(n)
	case int64:
		return number(n)
	case uint64:
		return number(n)
	}
	return fmt.Sprint(n)
}

// writeSize is size for whatever whole number a template has.
func writeSize(n any) string {
	switch n := n.(type) {
	case int:
		return size(n)
	case int64:
		return size(n)
	case uint64:
		return size(n)
	}
	return fmt.Sprint(n)
}

// age is how long ago t was, and a dash for never.
func age(now, t time.Time) string {
	if t.IsZero() {
		return "–"
	}
	return span(now.Sub(t))
}

// endpointState is the word for the state of an endpoint.
func endpointState(e Endpoint) string {
	switch {
	case e.State != "":
		return e.State
	case e.Up:
		return "up"
	}
	return "down"
}

// bufferAdvice says what to set where the kernel drops datagrams, or soon may
// because it granted less than was asked for (socket(7), SO_RCVBUF).
func bufferAdvice(s Source) string {
	const set = "sysctl -w net.core.rmem_max=%d"
	granted, wanted := s.ReceiveBuffer, s.ReceiveBufferWanted
	switch {
	case granted < wanted:
		return fmt.Sprintf("The kernel granted %s of %s bytes: "+set+" and restart", number(granted), number(wanted), wanted)
	case s.KernelDrops > 0 && granted > 0:
		return fmt.Sprintf("Set receive_buffer of this source above %s bytes, "+set+" and restart", number(granted), 2*granted)
	case s.KernelDrops > 0:
		return "Raise receive_buffer of this source and net.core.rmem_max"
	}
	return ""
}
