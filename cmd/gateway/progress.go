package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	show "syslog-gateway/internal/stats/text"
)

// progress shows in one line of a terminal how far a long verb is. Where stderr is no
// terminal it shows nothing.
type progress struct {
	to    io.Writer // nil: nothing is shown
	did   string    // such as "verified"
	last  time.Time
	shown bool
}

// progressEvery is how often the line changes. A verb that ends before shows none.
const progressEvery = 500 * time.Millisecond

// newProgress returns the progress of a verb. quiet shows nothing, as where the verb's
// output is on the same terminal.
func newProgress(cmd *cobra.Command, did string, quiet bool) *progress {
	p := &progress{did: did, last: time.Now()}
	if to := cmd.ErrOrStderr(); !quiet && isTerminal(to) {
		p.to = to
	}
	return p
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// bytes shows how much of a number of bytes is done.
func (p *progress) bytes(done, total int64) {
	p.line(done, total, func() string { return show.Size(done) + " of " + show.Size(total) })
}

// count shows how many of a number of things are done.
func (p *progress) count(done, total int64) {
	p.line(done, total, func() string { return show.Number(done) + " of " + show.Number(total) })
}

func (p *progress) line(done, total int64, words func() string) {
	if p.to == nil || total <= 0 {
		return
	}
	now := time.Now()
	if now.Sub(p.last) < progressEvery {
		return
	}
	p.last, p.shown = now, true
	const clear = "\r\x1b[K"
	fmt.Fprintf(p.to, "%s%s %s (%d %%)", clear, p.did, words(), done*100/total)
}

// end removes the line.
func (p *progress) end() {
	if p.shown {
		fmt.Fprint(p.to, "\r\x1b[K")
	}
}
