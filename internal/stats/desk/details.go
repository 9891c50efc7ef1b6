package desk

import (
	"fmt"

	"syslog-gateway/internal/stats/haproxy"
	"syslog-gateway/internal/stats/monitor"
	"syslog-gateway/internal/stats/text"
	"syslog-gateway/internal/status"
)

// serversView is a section of shards or endpoints, with their buttons.
type serversView struct {
	*Reading
	Choice
	Summary string // what the fold says while it is folded
	Open    bool   // it has something to say
}

// Buttons set the mode of one server. Each asks back with what will happen.
func (v serversView) Buttons(proxy, name string, now string) buttons {
	b := buttons{Proxy: proxy, Name: name}
	for _, mode := range []string{status.Ready, status.Drain, status.Maint} {
		if mode == now || now == "" && mode == status.Ready {
			continue
		}
		b.Actions = append(b.Actions, action{mode, v.effect(proxy, name, mode), mode == status.Maint})
	}
	return b
}

type buttons struct {
	Proxy, Name string
	Actions     []action
}

type action struct {
	Mode, Effect string
	Stops        bool // something stops by it
}

// effect says what an action does now, with numbers.
func (v serversView) effect(proxy, name, mode string) string {
	left := 0
	if proxy == haproxy.Splunk {
		var out float64
		for _, e := range v.Endpoints {
			if e.Mode == "" && e.Up && text.HostPort(e.URL) != name {
				left++
			}
		}
		for _, s := range v.Sources {
			out += s.Rates.Delivered
		}
		others := fmt.Sprintf("%s take over what goes out, %s events a second now.", text.Count(left, "other endpoint that is up"), rate(out))
		if left == 1 {
			others = fmt.Sprintf("The other endpoint takes over what goes out, %s events a second now.", rate(out))
		}
		if left == 0 {
			others = "No other endpoint is up: nothing is delivered, and all waits in the queue."
		}
		switch mode {
		case status.Ready:
			return "It gets requests again."
		case status.Drain:
			return "It gets no new requests; those under way are finished. " + others
		}
		return "It gets no requests, and is not asked for its health. " + others
	}
	for _, s := range v.Shards {
		if s.Name == name {
			left = int(s.Events)
		}
	}
	switch mode {
	case status.Ready:
		return "It takes and sends events again."
	case status.Drain:
		return fmt.Sprintf("It takes nothing new, and sends the %s that it holds.", text.Count(left, "event"))
	}
	return fmt.Sprintf("It takes nothing and sends nothing: the %s that it holds wait until it is ready.", text.Count(left, "event"))
}

func (*Desk) endpointsView(r *Reading, c Choice) any {
	v := serversView{Reading: r, Choice: c}
	up := 0
	for _, e := range r.Endpoints {
		if e.Up && e.Mode == "" {
			up++
		}
	}
	v.Summary, v.Open = fmt.Sprintf("%d of %d up", up, len(r.Endpoints)), up < len(r.Endpoints) || len(r.Endpoints) == 0
	return v
}

func (*Desk) shardsView(r *Reading, c Choice) any {
	v := serversView{Reading: r, Choice: c}
	well := 0
	for _, s := range r.Shards {
		if s.Word() == "ok" && s.Corrupt == 0 {
			well++
		}
	}
	q := r.Queue
	v.Open = well < len(r.Shards) || q.Fault != "" || q.ReadFault != "" || q.Full
	v.Summary = fmt.Sprintf("%s of %s used", size(q.UsedBytes), size(q.CapacityBytes))
	if well < len(r.Shards) {
		v.Summary = fmt.Sprintf("%d of %d well", well, len(r.Shards))
	}
	return v
}

func (*Desk) streamsView(r *Reading, c Choice) any {
	v := serversView{Reading: r, Choice: c}
	well := 0
	for _, s := range r.Streams {
		if s.Word() == "ok" {
			well++
		}
	}
	v.Summary, v.Open = fmt.Sprintf("%d of %d well", well, len(r.Streams)), well < len(r.Streams)
	if r.Cluster != nil && len(r.Cluster.Missing) > 0 {
		v.Summary, v.Open = v.Summary+", the sum over all gateways lacks something", true
	}
	return v
}

func (*Desk) sourcesView(r *Reading, c Choice) any {
	v := serversView{Reading: r, Choice: c, Summary: "no drops of the kernel"}
	for _, s := range r.Sources {
		if s.KernelDrops > 0 {
			v.Summary = fmt.Sprintf("the kernel dropped %s", text.Count(int(r.Totals.KernelDrops), "datagram"))
		}
		if s.Rates.KernelDrops > 0 {
			v.Open = true
		}
		if Advice(s.Source) != "" && s.KernelDrops == 0 && v.Summary == "no drops of the kernel" {
			v.Summary = "a receive buffer is smaller than configured"
		}
	}
	return v
}

// Advice says what to set if the kernel drops datagrams, or may soon because it granted less
// than was asked for (socket(7), SO_RCVBUF).
func Advice(s status.Source) string {
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

// Advice is [Advice] for a template.
func (v serversView) Advice(s monitor.Source) string { return Advice(s.Source) }

func (*Desk) booksView(r *Reading, c Choice) any {
	v := serversView{Reading: r, Choice: c, Summary: "they balance"}
	for _, s := range r.Sources {
		if !s.Balance.Holds() {
			v.Summary, v.Open = "they do not balance", true
		}
	}
	return v
}

func (*Desk) packsView(r *Reading, c Choice) any {
	v := serversView{Reading: r, Choice: c, Summary: fmt.Sprintf("%s in force", text.Count(r.Packs.InForce, "pack"))}
	for _, p := range r.Packs.Site {
		if len(p.Warnings) > 0 {
			v.Summary, v.Open = v.Summary+", with warnings", true
			break
		}
	}
	return v
}

// Share is the part of the capacity that a shard uses.
func (v serversView) Share(s monitor.Shard) string {
	return percent(float64(s.Bytes), float64(v.Queue.CapacityBytes))
}

// Used is the part of the capacity that is used.
func (v serversView) Used() string {
	return percent(float64(v.Queue.UsedBytes), float64(v.Queue.CapacityBytes))
}

// Filled is how full a stream is.
func (v serversView) Filled(s status.Stream) string {
	return percent(float64(s.Bytes), float64(s.CapacityBytes))
}

// Row is the id of a row, as findings name it.
func (v serversView) Row(kind, name string) string { return rowID(kind, name) }
