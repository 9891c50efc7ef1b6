package report

import (
	"bytes"
	"strings"
	"testing"

	"syslog-gateway/bench/hecsink"
	"syslog-gateway/bench/loadgen"
	"syslog-gateway/bench/runner"
	"syslog-gateway/internal/testkit"
)

// made is a report of two scenarios: one with a peer, one with points.
func made() *runner.Report {
	rep := &runner.Report{
		Machine: runner.Machine{Cores: 2, CPU: "a <CPU>"}, Command: "bench run",
		About: []runner.ScenarioInfo{{Name: "both", About: "two subjects"}, {Name: "ramp", About: "points", Axis: "messages/s offered"}},
		Peers: []runner.PeerReport{{Name: "other", About: "a <peer>", Version: "1.0", Config: "a = <b>\n"}, {Name: "absent", Missing: "no package"}},
	}
	for i, rate := range []float64{300, 100, 200, 400} {
		for _, subject := range []string{"gateway", "other"} {
			r := runner.Run{Scenario: "both", Subject: subject, Number: i + 1, Rate: rate, CPUPerMessage: 2, Watched: 10, OtherCPU: 0.1, Through: 10,
				Loads: []loadgen.Result{{Sent: 10}}, Sink: hecsink.Stats{Latency: &hecsink.Latency{Count: 1, P50: 1, P99: 5, P999: 7}}}
			if subject == "other" {
				r.Rate, r.CPUPerMessage = r.Rate/4, 20
			}
			rep.Runs = append(rep.Runs, r)
		}
	}
	for i, point := range []string{"10/s", "20/s"} {
		rep.Runs = append(rep.Runs, runner.Run{Scenario: "ramp", Point: point, X: float64(i), Subject: "gateway", Number: 1, Rate: 10, CPUPerMessage: 1, Through: 9,
			Loads: []loadgen.Result{{Sent: 10}}})
	}
	rep.Runs[2].Problems = []string{"it <rained>"}
	return rep
}

func wants(t *testing.T, text string, all ...string) {
	t.Helper()
	testkit.Holds(t, "the report", text, all...)
}

func TestMarkdown(t *testing.T) {
	var b bytes.Buffer
	testkit.Must(t, WriteMarkdown(&b, made()))
	wants(t, b.String(), "| both | gateway | 4 |", "| 250 (100–400) |", "Problem in both run 2 of gateway: it <rained>",
		"| other | 62 (25–100) | 0.25 | 20.00 | 10.00 |", "| ramp 20/s | gateway | 1 | 10 | 1 |", "Left out: no package", "By: `bench run`")
}

// TestNoiseRefusesTheComparison: not the figures, but what is read from them.
func TestNoiseRefusesTheComparison(t *testing.T) {
	rep := made()
	rep.Runs[5].OtherCPU = 1.1 // of 2 cores in 10 s
	var b, h bytes.Buffer
	testkit.Must(t, WriteMarkdown(&b, rep))
	testkit.Must(t, WriteHTML(&h, rep))
	const want = "no comparison: in run 3 of other other programs took 5.5 % of the machine (limit 5 %)"
	wants(t, b.String(), want, "| both | other | 4 |")
	wants(t, h.String(), want)
	testkit.Lacks(t, "there are ratios nevertheless", b.String(), "times the gateway's")
}

func TestHTML(t *testing.T) {
	var b bytes.Buffer
	testkit.Must(t, WriteHTML(&b, made()))
	html := b.String()
	wants(t, html, "a &lt;CPU&gt;", "it &lt;rained&gt;", "a = &lt;b&gt;", "<svg", "<polyline class=\"own\"", "times the gateway&#39;s", "both: CPU, microseconds a message")
	testkit.Lacks(t, "the page", html, "http://", "https://", "<script", "<rained>", "src=")
}

// TestReadme: the table has the peers and the fastest UDP without loss, and nothing else.
func TestReadme(t *testing.T) {
	rep := made()
	add := func(scenario, point, subject string, sent, lost uint64) {
		rep.Runs = append(rep.Runs, runner.Run{Scenario: scenario, Point: point, Subject: subject, Number: 1, Rate: 10, Through: sent - lost,
			Loads: []loadgen.Result{{Sent: sent}}, Sink: hecsink.Stats{Lost: lost}})
	}
	add("peers-tcp", "", "gateway", 10, 0)
	add("peers-tcp", "", "other", 10, 0)
	add("udp-ramp", "100/s", "gateway", 10, 0)
	add("udp-ramp", "200/s", "gateway", 10, 0)
	add("udp-ramp", "300/s", "gateway", 10, 1)
	text, err := Readme("above\n"+readmeBegin+"\nold\n"+readmeEnd+"\nbelow\n", rep, "results/all.md")
	if err != nil || !strings.HasPrefix(text, "above\n") || !strings.HasSuffix(text, "\nbelow\n") {
		t.Errorf("%v: %s", err, text)
	}
	wants(t, text, "| scenario | subject | lost | msgs/s | CPU us/msg | RSS high MiB | p99 ms |",
		"| peers-tcp | gateway |", "| peers-tcp | other |", "| udp-ramp 200/s | gateway |", "[results/all.md](results/all.md)")
	testkit.Lacks(t, "the table", text, "old", "| both", "ramp 10/s", "100/s", "300/s", "bench run")
	if _, err := Readme("nothing", rep, "results/all.md"); err == nil {
		t.Error("a README without markers is taken")
	}
}

// TestCeilings: the harness's own figures are said, and so is who comes near to them, and
// nobody else.
func TestCeilings(t *testing.T) {
	rep := &runner.Report{Machine: runner.Machine{Cores: 2}, Ceilings: []runner.Ceiling{
		{Component: runner.SinkGzip, Rate: 1000, CPUPerMessage: 0.7, Watched: 3}, {Component: runner.SinkPlain, Rate: 2000, CPUPerMessage: 0.3, Watched: 3},
		{Component: runner.GeneratorTCP, Rate: 4000, CPUPerMessage: 0.2, Watched: 3}, {Component: runner.GeneratorUDP, Rate: 500, CPUPerMessage: 2, Watched: 3},
	}}
	add := func(scenario, transport string, rate float64, sink hecsink.Stats) {
		rep.Runs = append(rep.Runs, runner.Run{Scenario: scenario, Subject: "gateway", Rate: rate, Sink: sink, Loads: []loadgen.Result{{Transport: transport, Sent: 10}}})
	}
	gzip, plain, lines, none := hecsink.Stats{}, hecsink.Stats{}, hecsink.Stats{}, hecsink.Stats{}
	gzip.Requests, gzip.BodyBytes, gzip.RawBytes = 1, 10, 60
	plain.Requests, plain.BodyBytes, plain.RawBytes = 1, 60, 60
	lines.Requests, lines.BodyBytes, lines.RawBytes, lines.Streams = 1, 60, 60, 4
	add("tcp-gzip-far", "tcp", 799, gzip)
	add("tcp-gzip-near", "tcp", 801, gzip)
	add("tcp-plain-far", "tcp", 1599, plain)
	add("tcp-plain-near", "tcp", 1601, plain)
	add("tcp-lines-far", "tcp", 3199, lines)
	add("tcp-lines-near", "tcp", 3201, lines)
	add("tcp-queued-far", "tcp", 2000, none)
	add("udp-far", "udp", 399, gzip)
	add("udp-near", "udp", 401, gzip)
	add("drained-far", "tcp", 700, gzip)
	rep.Runs[9].Loads[0].Transport = "udp" // sent before the first arrival
	rep.Runs[9].Sink.FirstEvent = 1
	found := limits(rep, groups(rep))
	for i, want := range []string{
		"in tcp-gzip-near the 801 messages/s of gateway come nearer than 20 % to the 1000/s of the sink with gzip alone: the harness was the limit",
		"tcp-plain-near the 1601 messages/s of gateway come nearer than 20 % to the 2000/s of the sink without compression",
		"tcp-lines-near the 3201 messages/s of gateway come nearer than 20 % to the 4000/s of the generator over TCP",
		"udp-near the 401 messages/s of gateway come nearer than 20 % to the 500/s of the generator over UDP",
	} {
		if len(found) != 4 || !strings.Contains(found[i], want) {
			t.Fatalf("the notes are %q, want %q", found, want)
		}
	}
	const said = "The harness alone, without a gateway: sink with gzip 1000/s at 0.70 us CPU; sink without compression 2000/s at 0.30 us CPU; " +
		"generator over TCP 4000/s at 0.20 us CPU; generator over UDP 500/s at 2.00 us CPU."
	var md, html bytes.Buffer
	testkit.Must(t, WriteMarkdown(&md, rep))
	testkit.Must(t, WriteHTML(&html, rep))
	for _, text := range []string{md.String(), html.String()} {
		wants(t, text, said, found[0], found[3])
	}
	rep.Ceilings[3].OtherCPU = 1 // of 2 cores in 3 s
	wants(t, strings.Join(ceilings(rep), ""), "up to 16.7 % of the machine")
	wants(t, limits(rep, groups(rep))[0], "may have been the limit")
	if rep.Ceilings = nil; len(limits(rep, groups(rep))) > 0 || len(ceilings(rep)) > 0 {
		t.Error("ceilings are said that nobody measured")
	}
}

// A subject that lacks a point is drawn at the places of those that it has.
func TestCurvesKeepTheirPlaces(t *testing.T) {
	var runs []runner.Run
	for _, r := range []runner.Run{
		{Point: "20k", X: 2, Subject: "other", Rate: 20}, // the first of all lacks 10k
		{Point: "30k", X: 3, Subject: "other", Rate: 30},
		{Point: "10k", X: 1, Subject: "gateway", Rate: 10},
		{Point: "20k", X: 2, Subject: "gateway", Rate: 20},
		{Point: "30k", X: 3, Subject: "gateway", Rate: 30},
	} {
		r.Scenario = "ramp"
		runs = append(runs, r)
	}
	all := curves(of(groups(&runner.Report{Runs: runs}), "ramp"), func(g group) spread { return spreadOf(g.runs, rate) })
	svg := string(lines("t", "axis", all))
	title := func(class, x string) string {
		_, rest, _ := strings.Cut(svg, `<circle class="`+class+`" cx="`+x+`"`)
		_, rest, _ = strings.Cut(rest, "<title>")
		name, _, _ := strings.Cut(rest, ":")
		return name
	}
	for x, want := range map[string]string{"70.0": "10k", "387.0": "20k", "704.0": "30k"} {
		if got := title("own", x); got != want {
			t.Errorf("the gateway has %q at the place of %s", got, want)
		}
		if got := title("peer", x); got != want && want != "10k" {
			t.Errorf("the peer has %q at the place of %s", got, want)
		}
		if n := strings.Count(svg, `text-anchor="middle">`+want+`<`); n != 1 {
			t.Errorf("%s is named %d times below the plot", want, n)
		}
	}
}

// A run in which nothing arrived has no latency; it is not one of 0.
func TestNoLatencyIsNotZero(t *testing.T) {
	runs := make([]runner.Run, 3)
	runs[1].Sink.Latency = &hecsink.Latency{}
	runs[2].Sink.Latency = &hecsink.Latency{Count: 1, P99: 8}
	if s := spreadOf(runs, latency(p99)); s != (spread{8, 8, 8}) {
		t.Errorf("%+v", s)
	}
	if s := spreadOf(runs[:2], latency(p99)); s != (spread{}) {
		t.Errorf("%+v", s)
	}
}
