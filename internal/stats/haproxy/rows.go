package haproxy

import (
	"strconv"
	"time"

	"syslog-gateway/internal/printable"
	"syslog-gateway/internal/stats/monitor"
	"syslog-gateway/internal/stats/text"
	"syslog-gateway/internal/status"
)

// The proxies whose servers are the shards and the endpoints.
const (
	Shards = "shards"
	Splunk = "splunk"
)

// The types of rows.
const (
	typeFrontend = 0
	typeBackend  = 1
	typeServer   = 2
)

// Row is one row: the value of each field, a string or a uint64.
type Row map[string]any

func newRow(kind, proxy, server int, pxname, svname string) Row {
	return Row{
		"pxname": pxname, "svname": svname, "type": uint64(kind), "pid": uint64(1),
		"iid": uint64(proxy), "sid": uint64(server), "mode": "tcp",
	}
}

// Rows are all rows in HAProxy's order: a frontend for each source, then the shards and
// the endpoints as servers, each with its backend. A message is a session of a frontend, a
// record one of a shard, and a request one of an endpoint.
func Rows(st monitor.Status, peaks monitor.Peaks) []Row {
	var rows []Row
	for i, src := range st.Sources {
		rows = append(rows, frontend(i+firstID, src, peaks))
	}
	rows = append(rows, shardRows(len(st.Sources)+firstID, st, peaks)...)
	return append(rows, endpointRows(len(st.Sources)+firstID+1, st, peaks)...)
}

// firstID is the id of the first source; then come the shards and the endpoints.
const firstID = 2

func frontend(id int, src monitor.Source, p monitor.Peaks) Row {
	var open int64
	for _, n := range src.Connections {
		open += n
	}
	denied := src.Rejected["not_allowed"] + src.DropReasons["not_allowed"]
	var rejected uint64
	for _, n := range src.Rejected {
		rejected += n
	}
	row := newRow(typeFrontend, id, 0, src.Balance.Source, "FRONTEND")
	rate := src.Rates
	for name, value := range map[string]any{
		"scur": uint64(open), "smax": uint64(max(open, p.Connections[src.Balance.Source])),
		"stot": src.Received, "req_tot": src.Received, "bin": src.ReceivedBytes, "bout": uint64(0),
		"dreq": denied, "dresp": uint64(0), "ereq": src.FramingErrors + rejected - src.Rejected["not_allowed"],
		"dcon": src.Rejected["not_allowed"] + src.Rejected["max_connections"], "status": "OPEN",
		"rate": uint64(rate.Received), "rate_max": uint64(max(rate.Received, p.Rates[src.Balance.Source])), "req_rate": uint64(rate.Received),
		"addr": ":" + strconv.Itoa(src.Port),
	} {
		row[name] = value
	}
	return row
}

func shardRows(id int, st monitor.Status, p monitor.Peaks) []Row {
	all := newRow(typeBackend, id, 0, Shards, "BACKEND")
	sum := total{}
	var rows []Row
	for i, sh := range st.Shards {
		row := newRow(typeServer, id, i+1, Shards, sh.Name)
		state, up := serverStatus(!sh.Stuck, sh.Mode)
		for name, value := range map[string]any{
			"qcur": uint64(max(sh.Events, 0)), "qmax": uint64(max(sh.Events, p.Queued[sh.Name])),
			"scur": uint64(0), "stot": sh.Appended, "lbtot": sh.Appended, "status": state, "weight": uint64(1),
			"lastchg": since(st.Now, st.Started),
		} {
			row[name] = value
		}
		sum.add(row, up)
		rows = append(rows, serverDefaults(row, up))
	}
	sum.write(all)
	all["lastchg"] = since(st.Now, st.Started)
	return append(rows, all)
}

func endpointRows(id int, st monitor.Status, p monitor.Peaks) []Row {
	all := newRow(typeBackend, id, 0, Splunk, "BACKEND")
	all["mode"] = "http"
	sum := total{}
	var rows []Row
	for i, e := range st.Endpoints {
		row := newRow(typeServer, id, i+1, Splunk, text.HostPort(e.URL))
		state, up := serverStatus(e.Up, e.Mode)
		check, latency := "L7OK", uint64(e.LatencyMillis)
		if !e.Up {
			check = "L7STS"
		}
		for name, value := range map[string]any{
			"mode": "http", "qcur": uint64(max(e.Unacked, 0)), "scur": uint64(e.InFlight), "slim": uint64(e.Limit), "smax": uint64(max(e.InFlight, p.InFlight[e.URL])),
			"stot": e.Requests, "req_tot": e.Requests, "lbtot": e.Requests, "wretr": e.Failures, "eresp": e.Failures, "econ": uint64(0),
			"status": state, "weight": uint64(1), "lastchg": since(st.Now, e.Since), "downtime": uint64(p.Down[e.URL] / time.Second),
			"check_status": check, "check_duration": latency, "last_chk": printable.Fold(e.LastAnswer), "rate": uint64(e.Rate),
			"rtime": latency, "ttime": latency, "addr": text.HostPort(e.URL),
		} {
			row[name] = value
		}
		sum.add(row, up)
		rows = append(rows, serverDefaults(row, up))
	}
	sum.write(all)
	return append(rows, all)
}

func serverStatus(up bool, mode string) (state string, counts bool) {
	switch {
	case mode == status.Maint:
		return "MAINT", false
	case !up:
		return "DOWN", false
	case mode == status.Drain:
		return "DRAIN", false
	}
	return "UP", true
}

// serverDefaults fills in the fields that HAProxy always writes for a server.
func serverDefaults(row Row, up bool) Row {
	active := uint64(0)
	if up {
		active = 1
	}
	for name, value := range map[string]any{
		"qmax": uint64(0), "smax": uint64(0), "econ": uint64(0), "eresp": uint64(0), "wretr": uint64(0), "wredis": uint64(0),
		"act": active, "bck": uint64(0), "chkfail": uint64(0), "chkdown": uint64(0), "downtime": uint64(0),
	} {
		if _, ok := row[name]; !ok {
			row[name] = value
		}
	}
	return row
}

func since(now, t time.Time) uint64 {
	if t.IsZero() || now.Before(t) {
		return 0
	}
	return uint64(now.Sub(t) / time.Second)
}

// total sums up servers for their backend.
type total struct {
	sums map[string]uint64
	up   uint64
}

func (t *total) add(row Row, up bool) {
	if t.sums == nil {
		t.sums = make(map[string]uint64)
	}
	for _, name := range []string{"qcur", "qmax", "scur", "smax", "stot", "req_tot", "lbtot", "wretr", "eresp", "econ", "rate"} {
		if n, ok := row[name].(uint64); ok {
			t.sums[name] += n
		}
	}
	if up {
		t.up++
	}
}

func (t *total) write(row Row) {
	for name, n := range t.sums {
		row[name] = n
	}
	row["status"], row["weight"], row["act"], row["bck"] = "DOWN", t.up, t.up, uint64(0)
	if t.up > 0 {
		row["status"] = "UP"
	}
	for _, name := range []string{"wredis", "downtime", "chkdown", "dreq", "dresp", "econ"} {
		if _, ok := row[name]; !ok {
			row[name] = uint64(0)
		}
	}
}
