package stats

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os/exec"
	"strings"
	"testing"
	"time"

	"syslog-gateway/internal/stats/auth"
	"syslog-gateway/internal/stats/haproxy"
	"syslog-gateway/internal/status"
	"syslog-gateway/internal/testkit"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// readCSV reads the statistics as monitoring does: by the names of the columns.
func readCSV(t *testing.T, text string) map[string]map[string]string {
	t.Helper()
	body, ok := strings.CutPrefix(text, "# ")
	if !ok {
		t.Fatalf("the first line is %.40q", text)
	}
	rows := testkit.Try(csv.NewReader(strings.NewReader(body)).ReadAll())(t)
	all := make(map[string]map[string]string)
	for _, row := range rows[1:] {
		one := make(map[string]string)
		for i, name := range rows[0] {
			one[name] = row[i]
		}
		all[one["pxname"]+"/"+one["svname"]] = one
	}
	return all
}

func TestCSV(t *testing.T) {
	p := open(t)
	traffic(p.ledger)
	p.stages.set(func(s *stages) {
		s.snap.Shards[0].Mode, s.snap.Shards[1].Mode = status.Drain, status.Maint
		s.snap.Endpoints[0].LastAnswer = `200 "fine", really`
		s.snap.Sources[3].Rejected = map[string]uint64{"not_allowed": 2, "http": 3}
	})
	a := p.do("GET", "/stats;csv")
	if !strings.HasPrefix(a.header.Get("Content-Type"), "text/plain") || !strings.HasPrefix(a.body, "# pxname,svname,qcur,qmax,") {
		t.Fatalf("%s %.60q", a.header.Get("Content-Type"), a.body)
	}
	header, _, _ := strings.Cut(a.body, "\n")
	if n := strings.Count(header, ","); n != 128 || !strings.HasSuffix(header, ",h1_spliced_bytes_out,") {
		t.Errorf("the header has %d commas", n)
	}
	rows := readCSV(t, a.body)
	for row, want := range map[string]string{
		"linux/FRONTEND":     "type=0 status=OPEN stot=1234572 bin=300000500 dreq=2 ereq=16 scur=2 iid=5",
		"shards/0":           "type=2 status=DRAIN qcur=10 act=0 sid=1",
		"shards/1":           "type=2 status=MAINT",
		"shards/BACKEND":     "type=1 status=DOWN qcur=10 act=0",
		"splunk/splunk:8088": `type=2 status=UP stot=1234 check_status=L7OK lastchg=3600 rtime=12 act=1 weight=1`,
		"splunk/BACKEND":     "type=1 status=UP stot=1234 act=1",
	} {
		for _, pair := range strings.Fields(want) {
			name, value, _ := strings.Cut(pair, "=")
			if got := rows[row][name]; got != value {
				t.Errorf("%s: %s is %q, want %q", row, name, got, value)
			}
		}
	}
	testkit.Equal(t, "last_chk", rows["splunk/splunk:8088"]["last_chk"], `200 "fine", really`)
	testkit.Equal(t, "rows", len(rows), 5+3+2)
}

func TestHAProxyJSON(t *testing.T) {
	p := open(t)
	traffic(p.ledger)
	a := p.do("GET", "/stats;json")
	var rows [][]haproxy.Field
	if err := json.Unmarshal([]byte(a.body), &rows); err != nil || a.header.Get("Content-Type") != "application/json" {
		t.Fatal(err, a.header)
	}
	found := false
	for _, f := range rows[3] {
		if f.Field["name"] == "stot" {
			found = f.ObjType == "Frontend" && f.Field["pos"] == 7.0 && f.Value["type"] == "u64" && f.Value["value"] == 1234572.0
		}
	}
	if len(rows) != 10 || !found {
		t.Errorf("%d rows, %+v", len(rows), rows[3])
	}
}

// TestRealExporter: Prometheus' exporter for HAProxy reads the page as HAProxy's, and
// its counters are ours.
func TestRealExporter(t *testing.T) {
	program := testkit.Tool(t, "prometheus-haproxy-exporter", "prometheus-haproxy-exporter")
	p := open(t, func(o *Options) { o.Users = []auth.User{{Name: "mon", Password: "itor"}} })
	traffic(p.ledger)
	suppressed := testkit.Try(net.Listen("tcp", "127.0.0.1:0"))(t)
	address := suppressed.Addr().String()
	suppressed.Close()
	log := new(testkit.Log)
	cmd := exec.Command(program, "--web.listen-address="+address,
		"--haproxy.scrape-uri=http://mon:itor@"+p.server.Addr().String()+"/stats;csv")
	cmd.Stderr = log
	testkit.Must(t, cmd.Start())
	defer func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}()
	resp := poll(t, p.client, "http://"+address+"/metrics", log)
	defer resp.Body.Close()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families := testkit.Try(parser.TextToMetricFamilies(bufio.NewReader(resp.Body)))(t)
	for name, want := range map[string]map[string]float64{
		"haproxy_up": {"": 1},
		"haproxy_exporter_csv_parse_failures_total": {"": 0},
		"haproxy_frontend_sessions_total":           {"frontend=linux": 1234572, "frontend=unifi": 5},
		"haproxy_frontend_bytes_in_total":           {"frontend=linux": 300000500},
		"haproxy_frontend_request_errors_total":     {"frontend=linux": 13},
		"haproxy_backend_up":                        {"backend=splunk": 1, "backend=shards": 1},
		"haproxy_server_up":                         {"backend=splunk,server=splunk:8088": 1, "backend=shards,server=0": 1},
		"haproxy_server_sessions_total":             {"backend=splunk,server=splunk:8088": 1234},
	} {
		got := series(families[name])
		for labels, value := range want {
			if have, ok := got[labels]; !ok || have != value {
				t.Errorf("%s{%s} is %v (%v), want %v; log:\n%s", name, labels, have, got, value, log)
			}
		}
	}
}

// poll asks until there is an answer.
func poll(t *testing.T, c *http.Client, url string, log fmt.Stringer) *http.Response {
	t.Helper()
	var resp *http.Response
	if !testkit.Within(20*time.Second, func() bool {
		var err error
		resp, err = c.Get(url)
		return err == nil
	}) {
		t.Fatalf("%s does not answer:\n%s", url, log)
	}
	return resp
}
