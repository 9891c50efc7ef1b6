package faults

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"syslog-gateway/bench/marker"
	"syslog-gateway/internal/testkit"
	"syslog-gateway/internal/testkit/abort"
)

// program is the gateway and queueServer a node of a cluster, built once for all tests.
var program, queueServer string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "faults-test-")
	if err == nil {
		program, queueServer = filepath.Join(dir, "gateway"), filepath.Join(dir, "queue-server")
		var out []byte
		if out, err = exec.Command("go", "build", "-o", dir+"/", "../../cmd/gateway", "../../cmd/queue-server").CombinedOutput(); err != nil {
			err = fmt.Errorf("build the programs: %w\n%s", err, out)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	if err := goleak.Find(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.RemoveAll(dir)
	os.Exit(code)
}

func holds(t *testing.T, rep Report, err error) {
	t.Helper()
	testkit.Must(t, err)
	if rep.Failed() > 0 {
		var table strings.Builder
		testkit.Must(t, rep.WriteTable(&table))
		t.Errorf("rows failed:\n%s", &table)
	}
}

// A row of each kind; `bench faults` has all of them.
func TestRows(t *testing.T) {
	o := Options{Gateway: program, Quick: true, Dir: t.TempDir(), Only: []string{
		"code 4 invalid token", "code 9 busy", "code 6 invalid format", "code 6 without", "code 7 without", "429 code 26", "fallback_index", "certificate", "never end a line",
		"502 in HTML", "half an answer", "hang beyond", "413", "Retry-After of a day", "one dead", "both down", "ack never",
		"ack pending, kill", "full queue", "mid-stream", "SIGTERM under load", "1 under load, kill", "post hangs", "start on a full", "start without inodes", "fsync fails", "removing fails", "RELP, kill", "RELP, SIGTERM", "RELP, gateway away",
	}}
	rep, err := o.Run(t.Context())
	holds(t, rep, err)
	if len(rep) < len(o.Only) {
		t.Errorf("%d rows for %d names", len(rep), len(o.Only))
	}
}

func TestStorm(t *testing.T) {
	o := Options{Gateway: program, Quick: true, Dir: t.TempDir(), Only: []string{"503 storm"}}
	rep, err := o.Run(t.Context())
	holds(t, rep, err)
}

// The rows of a cluster that take the least time.
func TestClusterRows(t *testing.T) {
	o := Options{Gateway: program, Queue: queueServer, Dir: t.TempDir(), Only: []string{"the leader is killed", "restart of the gateways", "destroyed with its disk while"}}
	rep, err := o.Run(t.Context())
	holds(t, rep, err)
	testkit.Equal(t, "rows", len(rep), len(o.Only))
}

// A quick run has none of the long rows, unless they are named.
func TestQuickRunLeavesOut(t *testing.T) {
	quick, named := Options{Quick: true}, Options{Quick: true, Only: []string{"partition"}}
	for _, row := range Rows() {
		switch {
		case row.long && quick.wanted(row):
			t.Errorf("%s is in a quick run", row.Name)
		case strings.Contains(row.Name, "partition") && (!row.long || !named.wanted(row)):
			t.Errorf("%s is not run when it is named", row.Name)
		}
	}
}

func TestCrash(t *testing.T) {
	rep, err := Crash(t.Context(), CrashOptions{Gateway: program, Kills: 4, Seeds: 1, First: uint64(time.Now().UnixNano()), Dir: t.TempDir()})
	holds(t, rep, err)
}

// The harness sees a loss: here a shard's segments are taken away behind the back of
// the gateway.
func TestLossIsSeen(t *testing.T) {
	o := &Options{Gateway: program, Dir: t.TempDir()}
	var res Result
	row := on("robbed", func(*Options) layout { return layout{numbers: fewMessages} }, func(ctx context.Context, r *rig) error {
		r.hec[0].SetDown(true)
		abort.Must(r.startAndSend(ctx, fewMessages))
		abort.Must(r.kept(ctx, false))
		r.gw.Kill()
		queued, err := r.queued(ctx)
		if err != nil || len(queued) != fewMessages {
			t.Errorf("%d are in the queue: %v", len(queued), err)
		}
		abort.Must(os.RemoveAll(filepath.Join(r.queuePath(), "shard-00")))
		r.hec[0].SetDown(false)
		abort.Must(r.start(ctx))
		return r.settleStrictly(ctx, fewMessages, 2*time.Second)
	})
	testkit.Must(t, row.run(t.Context(), o, &res))
	if res.OK() || res.Lost == 0 || res.Lost == fewMessages {
		t.Errorf("lost %d, problems %q", res.Lost, res.Problems)
	}
}

func TestTally(t *testing.T) {
	at := marker.NewStamp(1)
	c := newTally(3)
	for _, seq := range []int{0, 2, 2, 3} {
		line := appendLine(nil, seq, &at)
		if len(line) != lineLen {
			t.Fatalf("message %d has %d bytes", seq, len(line))
		}
		c.take(line)
	}
	c.take([]byte("no marker"))
	c.take(appendLine(nil, 1, &at)[len(lineBegin):]) // without its begin
	if c.unique.Load() != 2 || c.twice.Load() != 1 || c.foreign.Load() != 3 || c.has(1) || !c.has(2) {
		t.Errorf("unique %d, twice %d, foreign %d", c.unique.Load(), c.twice.Load(), c.foreign.Load())
	}
	if !strings.Contains(string(appendLine(nil, badAt, &at)), bad) || strings.Contains(string(appendLine(nil, 1, &at)), bad) {
		t.Error("the bad ones are not marked")
	}
}

func TestCounts(t *testing.T) {
	s := series{testkit.Series{
		`gateway_received_events_total{source="a",transport="tcp"}`: 7, `gateway_received_events_total{source="a",transport="udp"}`: 2,
		`gateway_recovered_events_total{source="a"}`: 1, `gateway_delivered_events_total{source="a"}`: 4,
		`gateway_deadlettered_events_total{reason="x"}`: 1, `gateway_dropped_events_total{reason="y",source="a"}`: 1,
		`gateway_pending_events{source="a",stage="memory"}`: 1, `gateway_pending_events{source="a",stage="queue"}`: 3,
		`gateway_queue_events{shard="0"}`: 3,
	}}
	b := s.counts()
	if b.Difference() != 0 || b.Received != 9 || b.Pending != 4 || b.Queued != 3 {
		t.Errorf("%+v is off by %d", b, b.Difference())
	}
	if s.sum("gateway_received_events_total", `transport="udp"`) != 2 {
		t.Error("labels are ignored")
	}
	var table strings.Builder
	rep := Report{{Fault: "good", Counts: b}, {Fault: "bad", Problems: []string{"two are lost"}}}
	if err := rep.WriteTable(&table); err != nil || rep.Failed() != 1 || !strings.Contains(table.String(), "bad: two are lost") {
		t.Errorf("%v\n%s", err, &table)
	}
}

func TestMissingToolIsNamed(t *testing.T) {
	if _, err := tool("no-such-tool", "its-package"); err == nil || !strings.Contains(err.Error(), "its-package") {
		t.Errorf("error %v", err)
	}
}

func TestUnknownRow(t *testing.T) {
	o := Options{Only: []string{"no such row"}}
	if rep, err := o.Run(t.Context()); err == nil || len(rep) != 0 {
		t.Errorf("%v %v", rep, err)
	}
}

// What comes again is late by the kill that followed its arrival: not by a later one, and
// not when it was on its way while the gateway died.
func TestLateIsSeen(t *testing.T) {
	took := newTally(3)
	took.grace = 0
	event := func(seq int) []byte {
		stamp := marker.NewStamp(time.Now().UnixMicro())
		return appendLine(nil, seq, &stamp)
	}
	took.take(event(0))
	for at := took.at[0].Load(); time.Now().UnixMicro() <= at; { // the kill is later than that
	}
	took.killed()
	took.take(event(1)) // it was on its way
	took.started()
	took.take(event(0))
	took.take(event(1))
	if twice, late := took.twice.Load(), took.late.Load(); twice != 2 || late != 1 {
		t.Errorf("%d came twice, %d of them late; want 2 and 1", twice, late)
	}
}
