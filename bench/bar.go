package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/term"

	"syslog-gateway/bench/loadgen"
)

// barWidth is the width of the bar itself, in characters.
const barWidth = 40

// bar shows progress on a terminal.
type bar struct{ out io.Writer }

// newBar returns nil where out is no terminal.
func newBar(out io.Writer) *bar {
	if f, ok := out.(*os.File); !ok || !term.IsTerminal(int(f.Fd())) {
		return nil
	}
	return &bar{out}
}

// show draws over the line before. A terminal that fails is no reason to stop.
func (b *bar) show(p loadgen.Progress) {
	rate := 0.0
	if p.Elapsed > 0 {
		rate = float64(p.Sent) / p.Elapsed.Seconds()
	}
	line := fmt.Sprintf("%d messages, %.0f/s, %s", p.Sent, rate, p.Elapsed.Round(time.Second))
	if p.Total > 0 {
		full := int(barWidth * min(p.Sent, p.Total) / p.Total)
		line = fmt.Sprintf("[%s%s] %3d %%  %s", strings.Repeat("=", full), strings.Repeat(" ", barWidth-full), 100*min(p.Sent, p.Total)/p.Total, line)
	}
	_, _ = fmt.Fprintf(b.out, "\r%s\x1b[K", line)
}

func (b *bar) end() { _, _ = fmt.Fprintln(b.out) }
