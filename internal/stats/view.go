package stats

import (
	"fmt"
	"html/template"
	"net/url"
	"strings"
	"time"

	"syslog-gateway/internal/ledger"
	"syslog-gateway/internal/stats/haproxy"
	"syslog-gateway/internal/stats/monitor"
	"syslog-gateway/internal/stats/text"
	"syslog-gateway/internal/status"
	"syslog-gateway/internal/tap"
)

// view is what the templates see.
type view struct {
	monitor.Status
	Style   template.CSS
	Refresh int // seconds; 0 if the page stays as it is
	Scope   string
	OnlyUp  bool
	Admin   bool   // the buttons are shown
	Lines   bool   // the tap is shown
	LogIn   bool   // a user would see the tap
	Done    string // the result of an action
	Top     []monitor.Sender
	Silent  []monitor.Sender
	Classes monitor.Classes
	Rules   monitor.Rules
	Unknown []tap.Message // newest first; only if Lines
}

// Events is the address of the stream of changes for this page.
func (v view) Events() string {
	q := url.Values{}
	if v.Scope != "" {
		q.Set("scope", v.Scope)
	}
	if v.OnlyUp {
		q.Set("up", "1")
	}
	if len(q) == 0 {
		return "/api/v1/events"
	}
	return "/api/v1/events?" + q.Encode()
}

// Shows reports whether the scope has something of a name.
func (v view) Shows(name string) bool { return haproxy.Options{Scope: v.Scope}.Shows(name) }

// showsAny reports whether the scope has anything at all.
func (v view) showsAny() bool {
	for _, src := range v.Sources {
		if v.Shows(src.Balance.Source) {
			return true
		}
	}
	return v.Shows(haproxy.Shards) || v.Shows(haproxy.Splunk)
}

// buttons set the mode of one server.
type buttons struct {
	Proxy, Name string
	Actions     []string
}

// Buttons are those of one server.
func (v view) Buttons(proxy, name string) buttons {
	return buttons{proxy, name, []string{status.Ready, status.Drain, status.Maint}}
}

// shownSender is a sender and the time that its age refers to.
type shownSender struct {
	S   monitor.Sender
	Now time.Time
}

// Of is a sender of this page.
func (v view) Of(s monitor.Sender) shownSender { return shownSender{s, v.Now} }

// functions are those of the templates.
func functions() template.FuncMap {
	return template.FuncMap{
		"balances": ledger.Balance.Holds,
		"number":   writeNumber,
		"size":     writeSize,
		"seconds":  func(s float64) string { return text.Span(time.Duration(s * float64(time.Second))) },
		"age":      age,
		"moment":   moment,
		"percent":  percent,
		"filled":   func(s status.Stream) string { return fmt.Sprintf("%.1f", percent(int64(s.Bytes), s.CapacityBytes)) },
		"advice":   bufferAdvice,
		"join":     strings.Join,
		"rate":     writeRate,
		"points":   points,
		"server":   text.HostPort,
		"offset":   text.Offset,
		"share":    func(s float64) string { return fmt.Sprintf("%.1f %%", 100*s) },
		"bitrate":  func(r float64) string { return text.Size(int64(r+0.5)) + "/s" },
		"brief":    brief,
	}
}

// writeNumber is text.Number for any whole number in a template.
func writeNumber(n any) string {
	switch n := n.(type) {
	case int:
		return text.Number(n)
	case int64:
		return text.Number(n)
	case uint64:
		return text.Number(n)
	}
	return fmt.Sprint(n)
}

// writeSize is text.Size for any whole number in a template.
func writeSize(n any) string {
	switch n := n.(type) {
	case int:
		return text.Size(n)
	case int64:
		return text.Size(n)
	case uint64:
		return text.Size(n)
	}
	return fmt.Sprint(n)
}

// writeRate writes events per second, small rates with a decimal.
func writeRate(r float64) string {
	if r > 0 && r < 10 {
		return fmt.Sprintf("%.1f/s", r)
	}
	return text.Number(int64(r+0.5)) + "/s"
}

// points are the corners of a line of 120 by 24 through the values, the highest at the
// top.
func points(values []float64) string {
	top := 1.0
	for _, v := range values {
		top = max(top, v)
	}
	var b strings.Builder
	for i, v := range values {
		x := 120 - 2*float64(len(values)-1-i)
		fmt.Fprintf(&b, "%.0f,%.1f ", x, 23-22*v/top)
	}
	return strings.TrimSuffix(b.String(), " ")
}

// age is how long ago t was, and a dash for never.
func age(now, t time.Time) string {
	if t.IsZero() {
		return "–"
	}
	return text.Span(now.Sub(t))
}

// moment writes a time, and nothing for the zero time.
func moment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02 15:04:05 UTC")
}

// percent is the share of part in whole, 0 to 100.
func percent(part, whole int64) float64 {
	if whole <= 0 {
		return 0
	}
	return min(max(100*float64(part)/float64(whole), 0), 100)
}

// bufferAdvice says what to set if the kernel drops datagrams, or may soon because it
// granted less than was asked for (socket(7), SO_RCVBUF).
func bufferAdvice(s status.Source) string {
	const set = "sysctl -w net.core.rmem_max=%d"
	granted, wanted := s.ReceiveBuffer, s.ReceiveBufferWanted
	switch {
	case 0 < granted && granted < wanted:
		return fmt.Sprintf("The kernel granted %s of %s bytes: "+set+" and restart", text.Number(granted), text.Number(wanted), wanted)
	case s.KernelDrops > 0 && granted > 0:
		return fmt.Sprintf("Set receive_buffer of this source above %s bytes, "+set+" and restart", text.Number(granted), 2*granted)
	case s.KernelDrops > 0:
		return "Raise receive_buffer of this source and net.core.rmem_max"
	}
	return ""
}
