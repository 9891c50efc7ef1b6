package screen

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/gdamore/tcell/v2"

	"syslog-gateway/internal/stats/monitor"
)

// Ask asks the gateway for what a frame shows: its view, kind of volume and range.
type Ask func(ctx context.Context, f Frame) (State, error)

// every is how often the screen is renewed, askLimit how long an answer may take.
const (
	every    = time.Second
	askLimit = 5 * time.Second
)

// answer is what was asked for, or why there is none.
type answer struct {
	state State
	err   error
}

// Top shows the gateway on a screen until the user quits or ctx ends. runbook returns a section
// of the runbook.
func Top(ctx context.Context, s tcell.Screen, ask Ask, runbook func(section string) string) error {
	if err := s.Init(); err != nil {
		return fmt.Errorf("open the terminal: %w", err)
	}
	defer s.Fini()
	f := &Frame{By: monitor.ByClass, Range: "15m", ASCII: !utf8Locale()}
	f.Width, f.Height = s.Size()
	ctx, stop := context.WithCancel(ctx)
	var group sync.WaitGroup
	defer group.Wait()
	defer stop()
	events, quit := make(chan tcell.Event), make(chan struct{})
	group.Go(func() { s.ChannelEvents(events, quit) })
	defer close(quit)
	asked, answers := make(chan Frame, 1), make(chan answer)
	group.Go(func() { asking(ctx, ask, asked, answers) })
	asked <- *f
	pending := true
	tick := time.NewTicker(every)
	defer tick.Stop()
	colours := os.Getenv("NO_COLOR") == ""
	for {
		draw(s, f, colours)
		refresh := false
		select {
		case <-ctx.Done():
			return nil
		case a := <-answers:
			pending = false
			f.take(a)
		case <-tick.C:
			refresh = !f.Held
		case e, open := <-events:
			if !open {
				return errors.New("the terminal was closed")
			}
			switch e := e.(type) {
			case *tcell.EventResize:
				f.Width, f.Height = e.Size()
				s.Sync()
			case *tcell.EventKey:
				before := f.View
				if f.key(e, runbook) {
					return nil
				}
				refresh = f.View != before || e.Key() == tcell.KeyRune
			}
		}
		if refresh && !pending {
			asked <- *f
			pending = true
		}
	}
}

// asking asks for frames, one after the other.
func asking(ctx context.Context, ask Ask, frames <-chan Frame, answers chan<- answer) {
	for {
		select {
		case <-ctx.Done():
			return
		case f := <-frames:
			one, cancel := context.WithTimeout(ctx, askLimit)
			st, err := ask(one, f)
			cancel()
			select {
			case answers <- answer{st, err}:
			case <-ctx.Done():
				return
			}
		}
	}
}

// take shows an answer. Without one, what is known stays.
func (f *Frame) take(a answer) {
	if a.err != nil {
		f.Trouble = a.err.Error()
		return
	}
	f.Trouble, f.State = "", a.state
}

// key does what a key asks for, and reports whether that is to quit.
func (f *Frame) key(e *tcell.EventKey, runbook func(string) string) (quit bool) {
	page := max(f.Height-6, 1)
	switch e.Key() {
	case tcell.KeyCtrlC:
		return true
	case tcell.KeyEscape:
		f.show(Main)
	case tcell.KeyEnter:
		if all := f.Status.Health.Findings; len(all) > 0 {
			f.show(Help)
			f.Help = runbook(section(all[0]))
		}
	case tcell.KeyDown:
		f.Offset++
	case tcell.KeyUp:
		f.Offset = max(f.Offset-1, 0)
	case tcell.KeyPgDn:
		f.Offset += page
	case tcell.KeyPgUp:
		f.Offset = max(f.Offset-page, 0)
	case tcell.KeyHome:
		f.Offset = 0
	case tcell.KeyRune:
		return f.rune(e.Rune())
	default: // no other key does anything
	}
	f.Offset = min(f.Offset, 10_000)
	return false
}

func (f *Frame) show(v View) {
	if f.View == v {
		v = Main
	}
	f.View, f.Offset = v, 0
}

func (f *Frame) rune(r rune) (quit bool) {
	volumes := map[rune]monitor.VolumeBy{'c': monitor.ByClass, 'y': monitor.BySourcetype, 'i': monitor.ByIndex, 'o': monitor.BySource}
	switch r {
	case 'q':
		return true
	case 'w':
		f.show(Wrong)
	case 's':
		f.show(Senders)
	case 'd':
		f.show(DeadLetters)
	case '?':
		f.show(Keys)
	case ' ':
		f.Held = !f.Held
	case '1', '2', '3', '4':
		f.Range = [...]string{"15m", "6h", "24h", "7d"}[r-'1']
	default:
		if by, is := volumes[r]; is {
			if f.View == Volumes && f.By != by {
				f.View = Main
			}
			f.By = by
			f.show(Volumes)
		}
	}
	return false
}

// draw puts a frame on the screen.
func draw(s tcell.Screen, f *Frame, colours bool) {
	s.Clear()
	looks := map[Look]tcell.Style{
		Plain: tcell.StyleDefault, Bold: tcell.StyleDefault.Bold(true), Quiet: tcell.StyleDefault.Dim(true),
		Warn: tcell.StyleDefault.Bold(true), Bad: tcell.StyleDefault.Bold(true).Reverse(true),
	}
	if colours { // of the terminal's own sixteen
		looks[Warn] = tcell.StyleDefault.Foreground(tcell.ColorOlive).Bold(true)
		looks[Bad] = tcell.StyleDefault.Foreground(tcell.ColorMaroon).Bold(true)
	}
	for y, line := range f.Lines() {
		x := 0
		for _, span := range line {
			s.PutStrStyled(x, y, span.Text, looks[span.Look])
			x += width(span.Text)
		}
	}
	s.Show()
}

// utf8Locale reports whether the terminal shows UTF-8, by the variables of locale(7).
func utf8Locale() bool {
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if v := os.Getenv(name); v != "" {
			v = strings.ToUpper(v)
			return strings.Contains(v, "UTF-8") || strings.Contains(v, "UTF8")
		}
	}
	return false
}
