package desk

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"syslog-gateway/internal/stats/haproxy"
	"syslog-gateway/internal/stats/monitor"
	"syslog-gateway/internal/stats/text"
	"syslog-gateway/internal/status"
)

// How many sources and endpoints have a row.
const (
	maxSources = 8
	maxServers = 4
)

// flowSource is a source at the left edge.
type flowSource struct {
	Name, About, Who string
	Rate             float64
	Kernel           float64 // datagrams a second that the kernel drops
	Lost             float64 // events a second that are lost behind the socket
	Link             string
}

// flowServer is an endpoint at the right edge, or several.
type flowServer struct {
	Name, Word, Detail, Link string
	Icon                     string
	Posts                    float64
}

// flowStream is what the streams of a cluster hold together.
type flowStream struct {
	Records, Bytes uint64
	Share          float64
	Word, Problem  string
	Oldest         string
	Secured        float64
	Streams        int
	Level          string
}

// flowView is the drawing and its words.
type flowView struct {
	Name        string // of the whole, in a sentence
	In, Out     float64
	InNote      string
	InIcon      string
	OutNote     string
	OutIcon     string
	Sources     []flowSource
	Servers     []flowServer
	Many        bool
	Height      string // of the drawing in its own units
	Left        []band
	Right       []band
	Through     []band // in the queue
	Waiting     int64
	Queue       monitor.Queue
	Full        string // per cent
	Filling     string
	Level       string // the height of the level, in units of the drawing
	LevelTop    string
	Queued      string // the state of the queue: ok, warning, critical
	Blocked     bool
	Oldest      string
	LostInQueue float64
	Stream      *flowStream
	Quiet       bool // nothing has come yet
}

func (d *Desk) flowView(r *Reading, c Choice) any {
	v := &flowView{Queue: r.Queue, Waiting: r.Totals.Pending, Blocked: r.Blocked, Quiet: r.Totals.Received == 0}
	d.flowSources(v, r, c)
	d.flowServers(v, r, c)
	v.queue(r)
	v.stream(r)
	v.draw(d.scale(v, r), r)
	v.notes(r)
	return v
}

func (*Desk) flowSources(v *flowView, r *Reading, c Choice) {
	var all []flowSource
	for i := range r.Sources {
		s := &r.Sources[i]
		v.Out += s.Rates.Delivered
		if !c.Shows(s.Balance.Source) || !s.Configured && s.Rates.Received == 0 || s.Internal && s.Rates.Received == 0 {
			continue
		}
		about := strings.Join(s.Transports, ", ")
		if s.Port > 0 {
			about = fmt.Sprint(s.Port, " ", about)
		}
		if s.Internal {
			about = "the gateway's own reports"
		}
		who := ""
		if s.Senders > 0 {
			who = text.Count(s.Senders, "sender")
		}
		if s.Silent > 0 {
			who += fmt.Sprintf(", %d silent", s.Silent)
		}
		all = append(all, flowSource{
			Name: s.Balance.Source, About: about, Who: who, Rate: s.Rates.Received, Kernel: s.Rates.KernelDrops,
			Lost: max(s.Rates.Lost-s.Rates.KernelDrops, 0), Link: rowID("source", s.Balance.Source),
		})
	}
	if len(all) > maxSources {
		busiest := slices.Clone(all)
		slices.SortStableFunc(busiest, func(a, b flowSource) int { return cmp.Compare(b.Rate+b.Kernel, a.Rate+a.Kernel) })
		rest := flowSource{Name: fmt.Sprint(len(all)-maxSources+1, " more"), About: "the smallest", Link: "sources"}
		small := make(map[string]bool)
		for _, s := range busiest[maxSources-1:] {
			small[s.Name] = true
			rest.Rate, rest.Kernel, rest.Lost = rest.Rate+s.Rate, rest.Kernel+s.Kernel, rest.Lost+s.Lost
		}
		all = append(slices.DeleteFunc(all, func(s flowSource) bool { return small[s.Name] }), rest)
	}
	for _, s := range all {
		v.In += s.Rate
		v.LostInQueue += s.Lost
	}
	v.Sources, v.Many = all, len(all) > manyRows
}

func (*Desk) flowServers(v *flowView, r *Reading, c Choice) {
	for _, e := range r.Endpoints {
		if c.OnlyUp && !e.Up {
			continue
		}
		name := text.HostPort(e.URL)
		one := flowServer{Name: name, Word: e.Word(), Link: rowID("endpoint", name), Posts: e.Rate, Icon: serverIcon(e.Endpoint)}
		if !e.Up {
			one.Posts = 0 // what fails delivers nothing
		}
		switch {
		case e.Mode != "":
			one.Detail = "set aside"
		case !e.Up:
			one.Detail = "for " + age(r.Now, e.Since)
		case e.Requests > 0:
			one.Detail = fmt.Sprintf("%.0f ms", e.LatencyMillis)
		default:
			one.Detail = "no post yet"
		}
		v.Servers = append(v.Servers, one)
	}
	if len(v.Servers) > maxServers {
		rest := flowServer{Name: fmt.Sprint(len(v.Servers)-maxServers+1, " more"), Word: "up", Link: "endpoints", Icon: "ok"}
		for _, s := range v.Servers[maxServers-1:] {
			rest.Posts += s.Posts
			if s.Icon != "ok" {
				rest.Word, rest.Icon = "not all up", "warn"
			}
		}
		v.Servers = append(v.Servers[:maxServers-1], rest)
	}
}

// serverIcon is the shape of an endpoint.
func serverIcon(e status.Endpoint) string {
	if e.Mode != "" {
		return "note"
	}
	return icon(strings.Split(e.Word(), ",")[0])
}

// queue says how full the queue is, and when it will be full.
func (v *flowView) queue(r *Reading) {
	q := r.Queue
	v.Full, v.Queued, v.Filling = percent(float64(q.UsedBytes), float64(q.CapacityBytes)), "ok", "not filling"
	switch {
	case q.Fault != "" || q.ReadFault != "":
		v.Queued, v.Filling = "critical", "has a fault"
	case q.Full:
		v.Queued, v.Filling = "critical", "full"
	case q.FillsInSeconds > 0:
		v.Queued, v.Filling = "warning", "full in "+ago(seconds(q.FillsInSeconds))
	}
	if r.Blocked {
		v.Queued = "critical"
	}
	v.Oldest = ago(seconds(q.OldestSeconds))
}

// stream adds up the streams of a cluster.
func (v *flowView) stream(r *Reading) {
	if len(r.Streams) == 0 {
		return
	}
	s := &flowStream{Word: "ok", Streams: len(r.Streams)}
	var capacity int64
	var oldest time.Duration
	for _, one := range r.Streams {
		s.Records += one.Records
		s.Bytes += one.Bytes
		capacity += one.CapacityBytes
		if !one.Oldest.IsZero() {
			oldest = max(oldest, r.Now.Sub(one.Oldest))
		}
		if w := one.Word(); w != "ok" && s.Word != "down" {
			s.Word, s.Problem = w, one.Problem
		}
	}
	if capacity > 0 {
		s.Share = 100 * float64(s.Bytes) / float64(capacity)
	}
	s.Oldest = ago(oldest)
	for _, src := range r.Sources {
		s.Secured += src.Rates.Secured
	}
	v.Stream = s
}

// notes are the words below the large numbers, and the name of the whole.
func (v *flowView) notes(r *Reading) {
	var kernel float64
	for _, s := range v.Sources {
		kernel += s.Kernel
	}
	switch {
	case kernel > 0:
		v.InNote, v.InIcon = rate(kernel)+"/s more lost in the kernel", "bad"
	case r.Blocked:
		v.InNote, v.InIcon = "senders are held back", "bad"
	case v.Quiet:
		v.InNote = text.Count(len(v.Sources), "source") + " configured"
	default:
		v.InNote = text.Count(r.Totals.Senders, "sender")
	}
	share := 1.0
	if v.In > 0 {
		share = v.Out / v.In
	}
	switch {
	case len(v.Servers) > 0 && v.Out == 0 && v.In > 0 && r.Health.Level == "critical":
		v.OutNote, v.OutIcon = "nothing goes out", "bad"
	case share < 0.9 && v.In > 10 && v.Queued != "ok":
		v.OutNote, v.OutIcon = fmt.Sprintf("%.0f %% of received", 100*share), "warn"
	default:
		v.OutNote = text.Count(len(r.Endpoints), "endpoint")
	}
	v.Name = fmt.Sprintf("%s events a second come in from %s, %s wait, %s a second go out to %s.", rate(v.In),
		text.Count(len(v.Sources), "source"), number(v.Waiting), rate(v.Out), text.Count(len(v.Servers), "endpoint"))
}

// rowID is the id of a row, as findings name it.
func rowID(kind, name string) string { return kind + "-" + strings.Join(strings.Fields(name), "-") }

// ShowsServers reports whether the scope has the endpoints.
func (c Choice) ShowsServers() bool { return c.Shows(haproxy.Splunk) }

// ShowsShards reports whether the scope has the queue.
func (c Choice) ShowsShards() bool { return c.Shows(haproxy.Shards) }
