package hecsink

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"
	"go.uber.org/goleak"

	"syslog-gateway/bench/marker"
	"syslog-gateway/internal/testkit"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func marked(seq uint64, at time.Time) string {
	b := []byte(marker.Blank)
	s := marker.NewStamp(at.UnixMicro())
	marker.Put(b, seq, &s)
	return string(b)
}

// event is one event of HEC with the marker seq.
func event(seq uint64) string {
	return fmt.Sprintf(`{"time":1767225600,"host":"h","event":"<13>text %s \"}{\" end","fields":{"class":"x"}}`, marked(seq, time.Now()))
}

func zip(t testing.TB, s string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	testkit.Try(io.WriteString(w, s))(t)
	testkit.Must(t, w.Close())
	return b.Bytes()
}

// post sends a body and returns the status, and the HEC code.
func post(t testing.TB, h http.Handler, body []byte, headers ...string) (int, int) {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, "/services/collector/event", bytes.NewReader(body))
	r.Header.Set("Authorization", "Splunk secret")
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	var reply struct {
		Code int `json:"code"`
	}
	if err := json.Unmarshal(w.Body.Bytes(), &reply); err != nil {
		t.Fatalf("the answer %q is not JSON: %v", w.Body, err)
	}
	return w.Code, reply.Code
}

func wantOK(t testing.TB, status, code int) {
	t.Helper()
	if status != http.StatusOK || code != codeSuccess {
		t.Fatalf("the answer is %d code %d, want 200 code 0", status, code)
	}
}

// TestCountsExactly: what is dropped, repeated and foreign by construction is what the
// sink finds, whatever the order and the cut into requests.
func TestCountsExactly(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	rng := rand.New(rand.NewPCG(seed, 0))
	const n = 20_000
	s := New(Options{Token: "secret", Expect: n, Latency: true})
	var events []string
	var lost, twice, foreign uint64
	for seq := range uint64(n) {
		switch {
		case seq%1000 == 999:
			lost++
			continue
		case seq%500 == 7:
			twice++
			events = append(events, event(seq))
		case seq%777 == 0:
			foreign += 2
			events = append(events, `{"event":"no marker"}`, event(n+seq))
		}
		events = append(events, event(seq))
	}
	rng.Shuffle(len(events), func(i, j int) { events[i], events[j] = events[j], events[i] })
	for rest := events; len(rest) > 0; {
		k := min(1+rng.IntN(900), len(rest))
		seam := []string{"\n", "", " ", "\r\n"}[rng.IntN(4)]
		status, code := post(t, s.Handler(), zip(t, strings.Join(rest[:k], seam)), "Content-Encoding", "gzip")
		wantOK(t, status, code)
		rest = rest[k:]
	}
	got := s.Stats()
	if got.Lost != lost || got.Duplicated != twice || got.Foreign != foreign || got.Unique != n-lost ||
		got.Events != uint64(len(events)) || got.Merged != 0 || got.Complete || got.Latency.Count != n-lost {
		t.Errorf("seed %d: got %+v, want lost %d, duplicated %d, foreign %d, events %d", seed, got, lost, twice, foreign, len(events))
	}
	if len(got.Missing) != listMissing || got.Missing[0] != 999 || got.Missing[1] != 1999 {
		t.Errorf("missing = %v, want 999, 1999, …", got.Missing)
	}
}

func TestMergedMessagesAreOneEvent(t *testing.T) {
	s := New(Options{Expect: 3})
	body := fmt.Sprintf("{\"event\":\"a %s b %s\"}\n%s\n", marked(0, time.Now()), marked(1, time.Now()), event(2))
	status, code := post(t, s.Handler(), []byte(body))
	wantOK(t, status, code)
	if got := s.Stats(); got.Merged != 1 || got.Events != 2 || got.Lost != 1 {
		t.Errorf("got %+v, want 2 events, 1 merged, 1 lost", got)
	}
}

func TestExpectUnknown(t *testing.T) {
	s := New(Options{})
	status, code := post(t, s.Handler(), []byte(event(9000)+event(3)))
	wantOK(t, status, code)
	if got := s.Stats(); got.Unique != 2 || got.Lost != 8999 || got.Complete {
		t.Errorf("got %+v, want 2 unique and 8999 lost", got)
	}
	status, code = post(t, s.Handler(), []byte(event(marker.MaxSeq)))
	wantOK(t, status, code)
	if got := s.Stats(); got.Foreign != 1 {
		t.Errorf("got %+v, want 1 foreign", got)
	}
}

func TestAnswers(t *testing.T) {
	s := New(Options{Token: "secret", Validate: true, Expect: 1})
	for name, c := range map[string]struct {
		body         string
		headers      []string
		status, code int
	}{
		"no token":       {event(0), []string{"Authorization", ""}, 401, 2},
		"wrong scheme":   {event(0), []string{"Authorization", "Bearer secret"}, 401, 3},
		"wrong token":    {event(0), []string{"Authorization", "Splunk other"}, 403, 4},
		"empty":          {"", nil, 400, 5},
		"not gzip":       {event(0), []string{"Content-Encoding", "gzip"}, 400, 6},
		"cut gzip":       {string(zip(t, event(0))[:60]), []string{"Content-Encoding", "gzip"}, 400, 6},
		"unknown coding": {event(0), []string{"Content-Encoding", "zstd"}, 400, 6},
		"no JSON":        {event(0) + "junk", nil, 400, 6},
		"not UTF-8":      {"{\"event\":\"\xff\"}", nil, 400, 6},
		"unknown key":    {`{"event":"x","evil":1}`, nil, 400, 6},
		"nested field":   {`{"event":"x","fields":{"a":{"b":"c"}}}`, nil, 400, 6},
		"no event":       {`{"time":1}`, nil, 400, 12},
		"blank event":    {event(0) + `{"event":""}`, nil, 400, 13},
	} {
		t.Run(name, func(t *testing.T) {
			status, code := post(t, s.Handler(), []byte(c.body), c.headers...)
			if status != c.status || code != c.code {
				t.Errorf("the answer is %d code %d, want %d code %d", status, code, c.status, c.code)
			}
		})
	}
	got := s.Stats()
	if got.Events != 0 || got.Refused != 13 || got.Requests != 0 {
		t.Errorf("got %+v: refused requests must count nothing", got)
	}
	status, code := post(t, s.Handler(), []byte(event(0)))
	wantOK(t, status, code)
	if got := s.Stats(); !got.Complete {
		t.Errorf("got %+v, want complete", got)
	}
}

// serve runs a sink on a real socket.
func serve(t *testing.T, o Options) (*Sink, string, func() error) {
	t.Helper()
	ln := testkit.Try(net.Listen("tcp", "127.0.0.1:0"))(t)
	s := New(o)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx, ln) }()
	stop := func() error { cancel(); return <-done }
	if o.ExitWhenComplete {
		stop = func() error { defer cancel(); return <-done }
	}
	return s, "http://" + ln.Addr().String(), stop
}

func TestCutRequestsAreCountedAndUnanswered(t *testing.T) {
	s, url, stop := serve(t, Options{Expect: 4, Faults: Faults{CutEvery: 2}})
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	cut := 0
	for seq := range uint64(4) {
		resp, err := client.Post(url+"/services/collector", "", strings.NewReader(event(seq)))
		if err != nil {
			cut++
			continue
		}
		resp.Body.Close()
	}
	client.CloseIdleConnections()
	testkit.Must(t, stop())
	if got := s.Stats(); cut != 2 || got.Cut != 2 || got.Lost != 0 {
		t.Errorf("%d requests were cut, the sink says %+v, want 2", cut, got)
	}
}

func TestRefusesForAWhile(t *testing.T) {
	s := New(Options{Expect: 1, Faults: Faults{FailFor: time.Hour, Status: 503}})
	if status, code := post(t, s.Handler(), []byte(event(0))); status != 503 || code != codeServerBusy {
		t.Errorf("the answer is %d code %d, want 503 code 9", status, code)
	}
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/services/collector/health", nil))
	testkit.Equal(t, "health", w.Code, 503)
	s.faults.until = time.Now()
	status, code := post(t, s.Handler(), []byte(event(0)))
	wantOK(t, status, code)
	if got := s.Stats(); got.Refused != 1 || !got.Complete {
		t.Errorf("got %+v, want 1 refused and complete", got)
	}
}

func TestDelayEndsWithTheClient(t *testing.T) {
	s := New(Options{Faults: Faults{Delay: time.Hour}})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/services/collector", strings.NewReader(event(0))).WithContext(ctx))
	if got := s.Stats(); got.Events != 0 {
		t.Errorf("got %+v, want nothing taken", got)
	}
}

func TestRunEndsWhenComplete(t *testing.T) {
	s, url, wait := serve(t, Options{Expect: 2, ExitWhenComplete: true})
	client := &http.Client{Transport: &http.Transport{}}
	resp, err := client.Post(url+"/services/collector/event", "", strings.NewReader(event(0)))
	testkit.Must(t, err)
	resp.Body.Close()
	resp, err = client.Get(url + "/stats")
	testkit.Must(t, err)
	var st Stats
	if err := json.NewDecoder(resp.Body).Decode(&st); err != nil || st.Lost != 1 || st.Unique != 1 {
		t.Errorf("/stats = %+v, %v, want 1 lost of 2", st, err)
	}
	resp.Body.Close()
	resp, err = client.Post(url+"/services/collector/event", "", strings.NewReader(event(1)))
	testkit.Must(t, err)
	resp.Body.Close()
	client.CloseIdleConnections()
	if err := wait(); err != nil || !s.Stats().Complete {
		t.Errorf("Run = %v, stats %+v", err, s.Stats())
	}
}

func TestRunReportsADeadListener(t *testing.T) {
	ln := testkit.Try(net.Listen("tcp", "127.0.0.1:0"))(t)
	ln.Close()
	if err := New(Options{}).Run(t.Context(), ln); err == nil || errors.Is(err, context.Canceled) {
		t.Errorf("Run = %v, want an error", err)
	}
}

func TestHistogram(t *testing.T) {
	var h histogram
	for v := range int64(100_000) {
		h.add(v)
	}
	for q, want := range map[float64]float64{0.5: 50_000, 0.99: 99_000, 0.999: 99_900} {
		if got := float64(h.quantile(q)); got < want || got > want*1.035 {
			t.Errorf("quantile %v = %v, want %v and at most 3 %% more", q, got, want)
		}
	}
	h.add(-5)
	if got := h.summary(); got.Max != 99.999 || got.Count != 100_001 {
		t.Errorf("summary = %+v", got)
	}
	for _, v := range []uint64{0, 1, 31, 32, 63, 64, 1000, 1 << 40} {
		if b := bucketOf(v); upper(b) < v || (b > 0 && upper(b-1) >= v) {
			t.Errorf("%d is in bucket %d up to %d", v, b, upper(b))
		}
	}
}

// FuzzScan: whatever the body, the fast pass counts what the slow one does when its
// lines are read object by object.
func FuzzScan(f *testing.F) {
	f.Add([]byte(event(1) + "\n" + event(2)))
	f.Add([]byte(event(1) + event(2) + "\n\n{}"))
	f.Add([]byte(`{"event":"\"}{`))
	f.Add([]byte(`{"event":"foreign"} ` + event(1)))
	f.Add([]byte(event(1) + "\t" + `{"event":"foreign"}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		var fast, slow findings
		fast.scan(body)
		for _, line := range bytes.Split(body, []byte("\n")) {
			slow.scanObjects(line)
		}
		if len(fast.markers) != len(slow.markers) || fast.merged != slow.merged {
			t.Errorf("%q: fast %+v, slow %+v", body, fast, slow)
		}
		if objects, ok := decode(body); ok && uint64(objects) != uint64(len(fast.markers))+fast.foreign {
			t.Errorf("%q: %+v, but there are %d objects", body, fast, objects)
		}
	})
}

// decode counts the objects of a body as encoding/json sees them; ok is false when it
// is not well made: one object or more a line, each on one line.
func decode(body []byte) (n int, ok bool) {
	for _, line := range bytes.Split(body, []byte("\n")) {
		d := json.NewDecoder(bytes.NewReader(line))
		for {
			var o map[string]any
			err := d.Decode(&o)
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil || o == nil {
				return 0, false
			}
			n++
		}
	}
	return n, true
}
