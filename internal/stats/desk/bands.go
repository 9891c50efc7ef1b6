package desk

import (
	"fmt"
	"math"
	"strings"
	"time"

	"syslog-gateway/internal/stats/history"
)

// The sizes of the drawing, in px of a root of 16 px. Across, it goes from 0 to 100.
const (
	rowHeight   = 72.0
	manyRows    = 6 // from more on, rows are lowRow high
	lowRow      = 52.0
	leastHeight = 216.0
	mostIn      = 150.0 // of all bands together
	leastBand   = 1.6
	hatchStep   = 2 // across, between two strokes of a hatched band
)

// band is a part of the drawing, as high as a rate.
type band struct {
	Kind string // flows, held, lost, idle or gate
	Path string // its outline; of an idle one and of a gate the line
	// Hatch are strokes over the whole, Fine more of them where the drawing is wide.
	Hatch, Fine string
}

// curve is a band from one height at x0 to another at x1. Heights are of its middle.
func curve(kind string, x0, x1, from, to, high float64) band {
	mid := (x0 + x1) / 2
	if kind == "idle" {
		return band{Kind: kind, Path: fmt.Sprintf("M%.0f,%.1fC%.0f,%.1f %.0f,%.1f %.0f,%.1f", x0, from, mid, from, mid, to, x1, to)}
	}
	h := high / 2
	b := band{Kind: kind, Path: fmt.Sprintf("M%.0f,%.1fC%.0f,%.1f %.0f,%.1f %.0f,%.1fV%.1fC%.0f,%.1f %.0f,%.1f %.0f,%.1fZ",
		x0, from-h, mid, from-h, mid, to-h, x1, to-h, to+h, mid, to+h, mid, from+h, x0, from+h)}
	if kind == "flows" {
		return b
	}
	var coarse, fine strings.Builder
	n := int((x1 - x0) / hatchStep)
	for i := range n {
		part := (float64(i) + 0.5) / float64(n)
		t := bezier(part)
		x, y := x0+(x1-x0)*part, from+(to-from)*(3*t*t-2*t*t*t)
		into := &fine
		if i%4 == 0 {
			into = &coarse
		}
		lean := 0.8 // held back leans forwards, lost backwards
		if kind == "lost" {
			lean = -0.8
		}
		fmt.Fprintf(into, "M%.1f,%.0fL%.1f,%.0f", x-lean, y+h, x+lean, y-h)
	}
	b.Hatch, b.Fine = coarse.String(), fine.String()
	return b
}

// bezier is where on a cubic with both control points in the middle a part of the way across
// is.
func bezier(part float64) float64 {
	low, high := 0.0, 1.0
	for range 20 {
		t := (low + high) / 2
		if 1.5*t*(1-t)*(1-t)+1.5*t*t*(1-t)+t*t*t < part {
			low = t
		} else {
			high = t
		}
	}
	return (low + high) / 2
}

// fall is a band that comes in on the left and falls to the ground.
func fall(kind string, y, high, ground float64) band {
	const left, right = 34.0, 66.0
	b := band{Kind: kind, Path: fmt.Sprintf("M0,%.1fH%.0fV%.1fH%.0fV%.1fH0Z", y-high/2, right, ground, left, y+high/2)}
	lean, slant := 10.0, 1.5
	if kind == "lost" {
		lean, slant = -lean, -slant
	}
	var strokes strings.Builder
	for x := 3.0; x < left; x += 6 {
		fmt.Fprintf(&strokes, "M%.1f,%.1fL%.1f,%.1f", x-slant, y+high/2, x+slant, y-high/2)
	}
	for at := y - high/2 + 10; at < ground-10; at += 7 {
		fmt.Fprintf(&strokes, "M%.0f,%.0fL%.0f,%.0f", left, at+lean, right, at-lean)
	}
	b.Hatch = strokes.String()
	return b
}

// scale is how many px an event a second has: so that the largest total of the last hour and
// the largest source fit, in steps of √2, so that bands do not breathe with each second.
func (d *Desk) scale(v *flowView, r *Reading) float64 {
	total, largest := 0.0, 0.0
	for _, s := range v.Sources {
		total += s.Rate + s.Kernel
		largest = max(largest, s.Rate+s.Kernel)
	}
	for _, p := range d.monitor.History().Series(lastHour(), r.Now) {
		if p.Covered > 0 {
			total = max(total, float64(p.Received+p.Lost)/p.Covered.Seconds())
		}
	}
	if total = max(total, v.Out); total == 0 || largest == 0 {
		return mostIn / max(total, 1)
	}
	k := min(mostIn/total, (v.row()-8)/largest)
	return math.Pow(2, math.Floor(2*math.Log2(k))/2)
}

// lastHour is the range of a quarter of an hour or six hours with an hour of it.
func lastHour() history.Range {
	r := history.Ranges()[1]
	r.Span = time.Hour
	return r
}

func (v *flowView) row() float64 {
	if v.Many {
		return lowRow
	}
	return rowHeight
}

// draw makes the bands, k px for each event a second.
func (v *flowView) draw(k float64, r *Reading) {
	height := max(leastHeight, v.row()*float64(len(v.Sources)))
	v.Height = fmt.Sprintf("%.0f", height)
	wide := func(rate float64) float64 {
		if rate <= 0 {
			return 0
		}
		return max(k*rate, leastBand)
	}
	var in float64
	for _, s := range v.Sources {
		in += wide(s.Rate)
	}
	out := wide(v.Out)
	top := max((height-max(in, out))/2-height/16, 0)
	v.drawSources(height, top, wide)
	v.drawQueue(height, top, in, out, r)
	v.drawServers(height, top, in, out)
}

func (v *flowView) drawSources(height, top float64, wide func(float64) float64) {
	step := height / float64(max(len(v.Sources), 1))
	at := top
	for i, s := range v.Sources {
		y, w := step*(float64(i)+0.5), wide(s.Rate)
		kind := "flows"
		if v.Blocked {
			kind = "held"
		}
		if s.Kernel > 0 {
			lost := wide(s.Kernel)
			from, to := y+w/2+lost/2, min(y+w/2+lost/2+step*0.55, height-lost/2)
			v.Left = append(v.Left, curve("lost", 0, 46, from, to, lost))
		}
		if s.Rate <= 0 {
			v.Left = append(v.Left, curve("idle", 0, 100, y, at, leastBand))
			continue
		}
		v.Left = append(v.Left, curve(kind, 0, 100, y, at+w/2, w))
		at += w
	}
}

// drawQueue: what is delivered passes through, what is more falls to the level. What is lost
// in the queue falls through its ground.
func (v *flowView) drawQueue(height, top, in, out float64, r *Reading) {
	level := 0.0
	if q := r.Queue; q.CapacityBytes > 0 {
		level = height * min(float64(q.UsedBytes)/float64(q.CapacityBytes), 1)
	}
	level = max(level, 3)
	v.Level, v.LevelTop = fmt.Sprintf("%.1f", level), fmt.Sprintf("%.1f", height-level)
	if pass := min(in, out); pass > 0 {
		v.Through = append(v.Through, curve("flows", 0, 100, top+pass/2, top+pass/2, pass))
	}
	more := in - out
	if v.Out > 0 && v.In < v.Out*1.05 || more < leastBand {
		return
	}
	y, kind := top+min(in, out)+more/2, "held"
	if v.LostInQueue > 0 {
		kind = "lost"
	}
	v.Through = append(v.Through, fall(kind, y, more, height-level))
}

func (v *flowView) drawServers(height, top, in, out float64) {
	var posts float64
	var up, down int
	for _, s := range v.Servers {
		switch s.Icon {
		case "ok":
			up++
		case "note":
		default:
			down++
			if s.Posts > 0 {
				up++
			}
		}
		posts += s.Posts
	}
	held := max(in-out, 8) / float64(max(down, 1))
	step, at, under := height/float64(max(len(v.Servers), 1)), top, top+out
	for i, s := range v.Servers {
		y := step * (float64(i) + 0.5)
		w := 0.0
		switch {
		case out <= 0 || s.Icon == "note":
		case posts > 0:
			w = out * s.Posts / posts
		case up > 0 && s.Icon == "ok":
			w = out / float64(up)
		}
		switch {
		case w > 0:
			w = max(w, leastBand)
			v.Right = append(v.Right, curve("flows", 0, 100, at+w/2, y, w))
			at += w
		case s.Icon == "ok" || s.Icon == "note" || s.Icon == "none":
			v.Right = append(v.Right, curve("idle", 0, 100, under, y, leastBand))
		default:
			kind := "held"
			if s.Icon == "bad" || up == 0 {
				kind = "lost"
			}
			thick := min(held, 40)
			v.Right = append(v.Right, curve(kind, 0, 62, under+thick/2, y, thick), curve("idle", 62, 100, y, y, leastBand),
				band{Kind: "gate " + kind, Path: fmt.Sprintf("M62,%.1fV%.1f", y-thick/2-6, y+thick/2+6)})
			under += thick
		}
	}
}
