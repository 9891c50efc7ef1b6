package haproxy

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"syslog-gateway/internal/printable"
)

// fieldNames are the columns of HAProxy 2.6's statistics in their order
// (management.txt, section 9.1, and what 2.6.12 writes). Those that have no meaning here
// stay empty.
const fieldNames = "pxname,svname,qcur,qmax,scur,smax,slim,stot,bin,bout,dreq,dresp,ereq,econ,eresp,wretr,wredis,status,weight,act,bck,chkfail,chkdown,lastchg,downtime,qlimit,pid,iid,sid,throttle,lbtot,tracked,type,rate,rate_lim,rate_max,check_status,check_code,check_duration,hrsp_1xx,hrsp_2xx,hrsp_3xx,hrsp_4xx,hrsp_5xx,hrsp_other,hanafail,req_rate,req_rate_max,req_tot,cli_abrt,srv_abrt,comp_in,comp_out,comp_byp,comp_rsp,lastsess,last_chk,last_agt,qtime,ctime,rtime,ttime,agent_status,agent_code,agent_duration,check_desc,agent_desc,check_rise,check_fall,check_health,agent_rise,agent_fall,agent_health,addr,cookie,mode,algo,conn_rate,conn_rate_max,conn_tot,intercepted,dcon,dses,wrew,connect,reuse,cache_lookups,cache_hits,srv_icur,src_ilim,qtime_max,ctime_max,rtime_max,ttime_max,eint,idle_conn_cur,safe_conn_cur,used_conn_cur,need_conn_est,uweight,agg_server_status,agg_server_check_status,agg_check_status,-,ssl_sess,ssl_reused_sess,ssl_failed_handshake,h2_headers_rcvd,h2_data_rcvd,h2_settings_rcvd,h2_rst_stream_rcvd,h2_goaway_rcvd,h2_detected_conn_protocol_errors,h2_detected_strm_protocol_errors,h2_rst_stream_resp,h2_goaway_resp,h2_open_connections,h2_backend_open_streams,h2_total_connections,h2_backend_total_streams,h1_open_connections,h1_open_streams,h1_total_connections,h1_total_streams,h1_bytes_in,h1_bytes_out,h1_spliced_bytes_in,h1_spliced_bytes_out"

// CSV writes rows as HAProxy does: every line ends with a comma, and a text with a comma
// or a quote is quoted (RFC 4180).
func CSV(rows []Row) []byte {
	names := strings.Split(fieldNames, ",")
	var b bytes.Buffer
	b.WriteString("# " + fieldNames + ",\n")
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

func csvText(s string) string {
	s = printable.Fold(strings.ToValidUTF8(s, "\ufffd"))
	if strings.ContainsAny(s, `,"`) {
		return `"` + strings.ReplaceAll(s, `"`, `""`) + `"`
	}
	return s
}

// Field is one value in HAProxy's JSON.
type Field struct {
	ObjType    string         `json:"objType"`
	ProxyID    uint64         `json:"proxyId"`
	ID         uint64         `json:"id"`
	Field      map[string]any `json:"field"`
	ProcessNum int            `json:"processNum"`
	Tags       map[string]any `json:"tags"`
	Value      map[string]any `json:"value"`
}

// JSON writes rows in the schema of HAProxy's "show schema json": a list of rows, each a
// list of typed values.
func JSON(rows []Row) ([]byte, error) {
	all := make([][]Field, 0, len(rows))
	for _, row := range rows {
		kind := [...]string{"Frontend", "Backend", "Server"}[row["type"].(uint64)]
		var fields []Field
		for pos, name := range strings.Split(fieldNames, ",") {
			value, ok := row[name]
			if !ok {
				continue
			}
			typed := map[string]any{"type": "u64", "value": value}
			if _, isText := value.(string); isText {
				typed["type"] = "str"
			}
			fields = append(fields, Field{
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
		return nil, fmt.Errorf("encode HAProxy's JSON: %w", err)
	}
	return append(body, '\n'), nil
}
