package screen

import (
	"cmp"
	"fmt"
	"io"
	"strings"
	"time"

	"syslog-gateway/internal/stats/text"
)

// columns is how wide the text of a state is at most.
const columns = 80

// shownFindings is how many findings a state lists.
const shownFindings = 8

// Short is the state in one line.
func Short(s State) string { return s.Status.Health.Level + ": " + clean(s.Status.Health.Summary) }

// WriteStatus writes a state as plain text: health, what is wrong and what to do, the
// conditions of /readyz, and the numbers.
func WriteStatus(w io.Writer, s State) error {
	var b strings.Builder
	st := s.Status
	for _, line := range wrap(Short(s), columns) {
		b.WriteString(line + "\n")
	}
	clock := st.Now.UTC().Format("2006-01-02 15:04:05 UTC")
	b.WriteString(left(program(st), columns-len(clock)-2) + "  " + clock + "\n\n")
	for i, f := range st.Health.Findings {
		if i == shownFindings {
			fmt.Fprintf(&b, "  %d more: --json, or gateway top\n", len(st.Health.Findings)-i)
			break
		}
		since, level := when(f, st.Now), clean(f.Level)
		if !f.Ended.IsZero() {
			level = "ended"
		}
		for n, line := range wrap(clean(f.Text), columns-12-24) {
			if n == 0 {
				fmt.Fprintf(&b, "  %-8s  %s  %s\n", level, left(line, columns-12-24), since)
				continue
			}
			b.WriteString(strings.Repeat(" ", 12) + line + "\n")
		}
		if f.Ended.IsZero() {
			fmt.Fprintf(&b, "            do: gateway help %s\n", section(f))
		}
	}
	if len(st.Health.Findings) > 0 {
		b.WriteByte('\n')
	}
	for _, line := range s.Conditions {
		for n, part := range wrap(clean(line), columns-4) {
			b.WriteString(strings.Repeat(" ", 2+2*min(n, 1)) + part + "\n")
		}
	}
	b.WriteByte('\n')
	s.numbers(&b)
	_, err := io.WriteString(w, b.String())
	return err
}

// numbers writes the numbers, each in a row.
func (s *State) numbers(b *strings.Builder) {
	st, f := s.Status, s.flows()
	row := func(name, number string, parts ...string) {
		begin := "  " + left(name, 10) + " " + left(number, max(12, width(number))) + " "
		indent := strings.Repeat(" ", width(begin))
		line := begin
		for _, part := range parts {
			if width(line)+width(part) > columns && line != begin && line != indent {
				b.WriteString(strings.TrimRight(line, " ") + "\n")
				line = indent
			}
			for width(part) > columns-width(indent) { // longer than a row
				room := head(part, columns-width(indent))
				b.WriteString(line + room + "\n")
				line, part = indent, part[len(room):]
			}
			line += part + "  "
		}
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	var in []string
	for _, src := range st.Sources {
		if src.Configured {
			in = append(in, clean(src.Balance.Source)+" "+rate(src.Rates.Received))
		}
	}
	row("received", rate(f.received)+"/s", in...)
	used := fmt.Sprintf("%s of %s", text.Size(st.Queue.UsedBytes), text.Size(st.Queue.CapacityBytes))
	if st.Queue.CapacityBytes > 0 {
		used += fmt.Sprintf(" (%.1f %%)", 100*float64(st.Queue.UsedBytes)/float64(st.Queue.CapacityBytes))
	}
	waiting := []string{used}
	if st.Queue.OldestSeconds > 0 {
		waiting = append(waiting, "oldest "+delay(st.Queue.OldestSeconds))
	}
	if st.Queue.FillsInSeconds > 0 {
		waiting = append(waiting, "full in "+text.Span(time.Duration(st.Queue.FillsInSeconds*float64(time.Second))))
	}
	row("waiting", text.Number(st.Totals.Pending), waiting...)
	if len(st.Streams) > 0 {
		row("secured", text.Number(int64(st.Totals.Secured)), text.Number(int64(st.Totals.Taken))+" taken from the cluster", text.Number(int64(st.Totals.GivenBack))+" given back")
	}
	for _, one := range st.Streams {
		row("stream", clean(one.Name), one.Word(), fmt.Sprintf("%d of %d replicas", one.Current, one.Replicas), text.Number(int64(one.Records))+" records",
			fmt.Sprintf("%s of %s", text.Size(int64(one.Bytes)), text.Size(one.CapacityBytes)), "leader "+cmp.Or(clean(one.Leader), "-"))
	}
	if all := st.Cluster; all != nil {
		inStreams := text.Number(all.InStreams) + " in the streams"
		if all.InStreams < 0 { // a gateway that is lost for ever has not reported what it had secured
			inStreams = text.Number(-all.InStreams) + " more taken than reported as secured"
		}
		row("cluster", text.Number(int64(all.Total.Received))+" received by all", text.Number(int64(all.Total.Secured))+" secured", text.Number(int64(all.Total.Delivered))+" delivered",
			text.Number(all.Total.Pending)+" pending", inStreams, text.Number(int64(all.Total.Deadlettered))+" dead-lettered",
			text.Number(int64(all.Total.Dropped))+" dropped", "difference "+text.Number(all.Difference))
		for _, why := range all.Missing {
			row("", clean(why))
		}
	}
	var out []string
	for _, e := range st.Endpoints {
		out = append(out, server(e, e.URL))
	}
	row("delivered", rate(f.delivered)+"/s", out...)
	if p50, p99 := s.latency(); p99 > 0 {
		row("latency", "p50 "+delay(p50), "p99 "+delay(p99))
	}
	row("lost", rate(f.lost)+"/s", text.Number(st.Totals.Lost)+" since the start", text.Number(st.DeadLetters.Events)+" dead letters")
	row("senders", text.Number(st.Totals.Senders), text.Number(st.Totals.SilentSenders)+" silent", text.Number(st.Totals.SkewedSenders)+" with wrong times")
	books := "balance"
	if st.Totals.Difference != 0 {
		books = "differ"
	}
	row("books", books, "difference "+text.Number(st.Totals.Difference))
}
