package stats

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// The proxies under which shards and endpoints are servers.
const (
	proxyShards = "shards"
	proxySplunk = "splunk"
)

// haproxyFields are the columns of HAProxy 2.6's statistics in their order
// (management.txt, section 9.1, and what 2.6.12 writes). Those that have no meaning here
// stay empty.
const haproxyFields = "pxname,svname,qcur,qmax,scur,smax,slim,stot,bin,bout,dreq,dresp,ereq,econ,eresp,wretr,wredis,status,weight,act,bck,chkfail,chkdown,lastchg,downtime,qlimit,pid,iid,sid,throttle,lbtot,tracked,type,rate,rate_lim,rate_max,check_status,check_code,check_duration,hrsp_1xx,hrsp_2xx,hrsp_3xx,hrsp_4xx,hrsp_5xx,hrsp_other,hanafail,req_rate,req_rate_max,req_tot,cli_abrt,srv_abrt,comp_in,comp_out,comp_byp,comp_rsp,lastsess,last_chk,last_agt,qtime,ctime,rtime,ttime,agent_status,agent_code,agent_duration,check_desc,agent_desc,check_rise,check_fall,check_health,agent_rise,agent_fall,agent_health,addr,cookie,mode,algo,conn_rate,conn_rate_max,conn_tot,intercepted,dcon,dses,wrew,connect,reuse,cache_lookups,cache_hits,srv_icur,src_ilim,qtime_max,ctime_max,rtime_max,ttime_max,eint,idle_conn_cur,safe_conn_cur,used_conn_cur,need_conn_est,uweight,agg_server_status,agg_server_check_status,agg_check_status,-,ssl_sess,ssl_reused_sess,ssl_failed_handshake,h2_headers_rcvd,h2_data_rcvd,h2_settings_rcvd,h2_rst_stream_rcvd,h2_goaway_rcvd,h2_detected_conn_protocol_errors,h2_detected_strm_protocol_errors,h2_rst_stream_resp,h2_goaway_resp,h2_open_connections,h2_backend_open_streams,h2_total_connections,h2_backend_total_streams,h1_open_connections,h1_open_streams,h1_total_connections,h1_total_streams,h1_bytes_in,h1_bytes_out,h1_spliced_bytes_in,h1_spliced_bytes_out"

// The types of rows.
const (
	typeFrontend = 0
	typeBackend  = 1
	typeServer   = 2
)

// haRow is one row: a field's name to a string, an int64 or a uint64.
type haRow map[string]any

func newRow(kind, proxy, server int, pxname, svname string) haRow {
	return haRow{
		"pxname": pxname, "svname": svname, "type": uint64(kind), "pid": uint64(1),
		"iid": uint64(proxy), "sid": uint64(server), "mode": "tcp",
	}
}

// haproxyRows are the rows of everything, in HAProxy's order: a frontend for each source,
// then the shards and the endpoints as servers, each with its backend. A message is a
// session of a frontend; a record is one of a shard, and a request one of an endpoint.
func (s *Server) haproxyRows(st status) []haRow {
	s.history.mu.Lock()
	defer s.history.mu.Unlock()
	var rows []haRow
	for i, src := range st.Sources {
		rows = append(rows, s.frontend(i+2, src.Source))
	}
	rows = append(rows, s.shardRows(len(st.Sources)+2, st)...)
	return append(rows, s.endpointRows(len(st.Sources)+3, st)...)
}

func (s *Server) frontend(id int, src Source) haRow {
	p := &s.history.peaks
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
	rate := s.history.rate(src.Balance.Source)
	for name, value := range map[string]any{
		"scur": uint64(open), "smax": uint64(max(open, p.connections[src.Balance.Source])),
		"stot": src.Received, "req_tot": src.Received, "bin": src.ReceivedBytes, "bout": uint64(0),
		"dreq": denied, "dresp": uint64(0), "ereq": src.FramingErrors + rejected - src.Rejected["not_allowed"],
		"dcon": src.Rejected["not_allowed"] + src.Rejected["max_connections"], "status": "OPEN",
		"rate": uint64(rate.Received), "rate_max": uint64(max(rate.Received, p.rates[src.Balance.Source])), "req_rate": uint64(rate.Received),
		"addr": ":" + strconv.Itoa(src.Port),
	} {
		row[name] = value
	}
	return row
}

func (s *Server) shardRows(id int, st status) []haRow {
	all := newRow(typeBackend, id, 0, proxyShards, "BACKEND")
	total := haSum{}
	var rows []haRow
	for i, sh := range st.Shards {
		row := newRow(typeServer, id, i+1, proxyShards, sh.Name)
		status, up := serverStatus(!sh.Stuck, sh.Aside)
		for name, value := range map[string]any{
			"qcur": uint64(max(sh.Events, 0)), "qmax": uint64(max(sh.Events, s.history.peaks.queued[sh.Name])),
			"scur": uint64(0), "stot": sh.Appended, "lbtot": sh.Appended, "status": status, "weight": uint64(1),
			"lastchg": since(st.Now, st.Started),
		} {
			row[name] = value
		}
		total.add(row, up)
		rows = append(rows, serverDefaults(row, up))
	}
	total.write(all)
	all["lastchg"] = since(st.Now, st.Started)
	return append(rows, all)
}

func (s *Server) endpointRows(id int, st status) []haRow {
	all := newRow(typeBackend, id, 0, proxySplunk, "BACKEND")
	all["mode"] = "http"
	total := haSum{}
	var rows []haRow
	for i, e := range st.Endpoints {
		row := newRow(typeServer, id, i+1, proxySplunk, serverName(e.URL))
		status, up := serverStatus(e.Up, e.Aside)
		rate := s.history.requests(e.URL)
		check, latency := "L7OK", uint64(e.LatencyMillis)
		if !e.Up {
			check = "L7STS"
		}
		for name, value := range map[string]any{
			"mode": "http", "qcur": uint64(max(e.Unacked, 0)), "scur": uint64(e.InFlight), "slim": uint64(e.Limit), "smax": uint64(max(e.InFlight, s.history.peaks.inFlight[e.URL])),
			"stot": e.Requests, "req_tot": e.Requests, "lbtot": e.Requests, "wretr": e.Failures, "eresp": e.Failures, "econ": uint64(0),
			"status": status, "weight": uint64(1), "lastchg": since(st.Now, e.Since), "downtime": uint64(s.history.peaks.down[e.URL] / time.Second),
			"check_status": check, "check_duration": latency, "last_chk": oneLine(e.LastAnswer), "rate": uint64(rate),
			"rtime": latency, "ttime": latency, "addr": serverName(e.URL),
		} {
			row[name] = value
		}
		total.add(row, up)
		rows = append(rows, serverDefaults(row, up))
	}
	total.write(all)
	return append(rows, all)
}

// serverName is an endpoint without its scheme: splunk:8088.
func serverName(url string) string {
	_, name, ok := strings.Cut(url, "://")
	if !ok {
		return url
	}
	return name
}

func serverStatus(up bool, aside string) (status string, counts bool) {
	switch {
	case aside == StateMaint:
		return "MAINT", false
	case !up:
		return "DOWN", false
	case aside == StateDrain:
		return "DRAIN", false
	}
	return "UP", true
}

// serverDefaults fills in what HAProxy always writes of a server.
func serverDefaults(row haRow, up bool) haRow {
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

// haSum adds servers up for their backend.
type haSum struct {
	sums map[string]uint64
	up   uint64
}

func (t *haSum) add(row haRow, up bool) {
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

func (t *haSum) write(row haRow) {
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

// writeCSV writes rows as HAProxy does: every line ends with a comma, and a text with a
// comma or quote in it is quoted (RFC 4180).
func writeCSV(rows []haRow) []byte {
	names := strings.Split(haproxyFields, ",")
	var b bytes.Buffer
	b.WriteString("# " + haproxyFields + ",\n")
	for _, row := range rows {
		for _, name := range names {
			switch v := row[name].(type) {
			case string:
				b.WriteString(csvText(v))
			case uint64:
				b.WriteString(strconv.FormatUint(v, 10))
			}
			b.WriteByte(',')
		}
		b.WriteByte('\n')
	}
	return b.Bytes()
}

func csvText(text string) string {
	text = oneLine(strings.ToValidUTF8(text, "\ufffd"))
	if strings.ContainsAny(text, `,"`) {
		return `"` + strings.ReplaceAll(text, `"`, `""`) + `"`
	}
	return text
}

// haField is one value as HAProxy's JSON has it.
type haField struct {
	ObjType    string         `json:"objType"`
	ProxyID    uint64         `json:"proxyId"`
	ID         uint64         `json:"id"`
	Field      map[string]any `json:"field"`
	ProcessNum int            `json:"processNum"`
	Tags       map[string]any `json:"tags"`
	Value      map[string]any `json:"value"`
}

// writeJSON writes rows as the schema of "show schema json" says: a list of rows, each a
// list of typed values.
func writeJSON(rows []haRow) ([]byte, error) {
	all := make([][]haField, 0, len(rows))
	for _, row := range rows {
		kind := [...]string{"Frontend", "Backend", "Server"}[row["type"].(uint64)]
		var fields []haField
		for pos, name := range strings.Split(haproxyFields, ",") {
			value, ok := row[name]
			if !ok {
				continue
			}
			typed := map[string]any{"type": "u64", "value": value}
			if _, text := value.(string); text {
				typed["type"] = "str"
			}
			fields = append(fields, haField{
				ObjType: kind, ProxyID: row["iid"].(uint64), ID: row["sid"].(uint64),
				Field: map[string]any{"pos": pos, "name": name}, ProcessNum: 1,
				Tags:  map[string]any{"origin": "Metric", "nature": "Gauge", "scope": "Process"},
				Value: typed,
			})
		}
		all = append(all, fields)
	}
	body, err := json.Marshal(all)
	if err != nil {
		return nil, fmt.Errorf("write HAProxy's JSON: %w", err)
	}
	return append(body, '\n'), nil
}

// haproxyHidden reports whether ;up or a scope leaves a row out.
func (v view) haproxyHidden(row haRow) bool {
	if !within(v.Scope, fmt.Sprint(row["pxname"])) {
		return true
	}
	return v.OnlyUp && row["status"] == "DOWN"
}

// serveHAProxy answers /stats;csv and /stats;json.
func (s *Server) serveHAProxy(w http.ResponseWriter, v view, asJSON bool) {
	var rows []haRow
	for _, row := range s.haproxyRows(v.status) {
		if !v.haproxyHidden(row) {
			rows = append(rows, row)
		}
	}
	if !asJSON {
		write(w, http.StatusOK, "text/plain; charset=utf-8", writeCSV(rows))
		return
	}
	body, err := writeJSON(rows)
	if err != nil {
		s.broken(w, "/stats;json", err)
		return
	}
	write(w, http.StatusOK, "application/json", body)
}
