package stats

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"sync"

	"syslog-gateway/internal/stats/desk"
)

// maxRendered bounds how many renderings of sections are kept at a time; what more is asked for
// is rendered for who asks.
const maxRendered = 512

// section is a rendered section, as it is, as a server-sent event, and its digest.
type section struct {
	name, html string
	event      []byte
	sum        [sha256.Size]byte
}

// sectionKey is what a rendering depends on.
type sectionKey struct {
	name   string
	choice desk.Choice
}

// kept is a section and the reading that it is of.
type kept struct {
	section
	of uint64
}

// work counts what was done for all who look.
type work struct{ readings, renders uint64 }

// renderer renders each section once for all who chose the same, whether a page is loaded or is
// open.
type renderer struct {
	desk *desk.Desk

	mu      sync.Mutex // held while something is rendered: nothing is rendered twice
	number  uint64     // of the reading
	from    uint64     // what was rendered of a reading before is out of date
	newest  *desk.Reading
	renders map[sectionKey]kept
	work    work
}

// next says that there is something new to read. With all, no section is up to date any more.
func (r *renderer) next(all bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.number++
	r.newest = nil
	if all {
		r.from = r.number
	}
	for key, k := range r.renders { // what nobody looks at is forgotten
		if r.number-k.of > keepFor {
			delete(r.renders, key)
		}
	}
}

// keepFor is for how many readings a rendering is kept that nobody asks for.
const keepFor = 10

// reading is the newest reading, taken when it is asked for first.
func (r *renderer) reading() *desk.Reading {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.read()
}

func (r *renderer) read() *desk.Reading {
	if r.newest == nil {
		r.newest = r.desk.Read()
		r.work.readings++
	}
	return r.newest
}

// sections are all sections of a choice, in the order of the page.
func (r *renderer) sections(c desk.Choice) ([]section, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var list []section
	for _, s := range desk.Sections() {
		key := sectionKey{s.Name, s.Key(c)}
		// Sections that are rendered less often are rendered at the same readings for all.
		k, known := r.renders[key]
		if every := uint64(s.Every); known && k.of >= r.from && k.of/every == r.number/every {
			list = append(list, k.section)
			continue
		}
		fresh, err := r.render(s, c)
		if err != nil {
			return nil, err
		}
		if known || len(r.renders) < maxRendered {
			r.renders[key] = kept{fresh, r.number}
		}
		list = append(list, fresh)
	}
	return list, nil
}

func (r *renderer) render(s desk.Section, c desk.Choice) (section, error) {
	reading := r.read()
	html, err := r.desk.Render(s, reading, c)
	if err != nil {
		return section{}, err
	}
	r.work.renders++
	level := ""
	if s.Name == "health" { // it is in the title; others do not change with it
		level = reading.Health.Level
	}
	message, err := sectionJSON(s.Name, level, html)
	if err != nil {
		return section{}, err
	}
	return section{s.Name, html, fmt.Appendf(nil, "event: section\ndata: %s\n\n", message), sha256.Sum256(message)}, nil
}

// sectionJSON encodes a section for the page's script. It is never part of a page, so <
// and > need no escape.
func sectionJSON(id, level, html string) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(struct {
		ID    string `json:"id"`
		HTML  string `json:"html"`
		Level string `json:"level,omitempty"`
	}{id, html, level})
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}
