package monitor

import (
	"cmp"
	"encoding/binary"
	"errors"
	"slices"
	"sync"
	"time"

	"syslog-gateway/internal/stats/history"
	"syslog-gateway/internal/status"
)

// VolumeBy is what volumes are added up by.
type VolumeBy string

// What volumes are added up by.
const (
	ByClass      VolumeBy = "class"
	BySourcetype VolumeBy = "sourcetype"
	ByIndex      VolumeBy = "index"
	BySource     VolumeBy = "source"
)

// DefaultIndex is the name of the index that the token decides on.
const DefaultIndex = "(default)"

// Amount is a volume: events, and the bytes of their texts, which Splunk's licence counts.
type Amount struct {
	Events uint64 `json:"events"`
	Bytes  uint64 `json:"bytes"`
}

func (a *Amount) add(b Amount) { a.Events += b.Events; a.Bytes += b.Bytes }

// VolumeRow is the volume under one name.
type VolumeRow struct {
	Name string `json:"name"`
	// The rates are of the last 5 to 10 s.
	EventRate float64 `json:"events_per_second"`
	ByteRate  float64 `json:"bytes_per_second"`
	Hour      Amount  `json:"this_hour"` // since the full hour
	Today     Amount  `json:"today"`     // since 00:00 UTC
	Day       Amount  `json:"last_24_h"` // this hour and the 24 before it
	Week      Amount  `json:"last_7_d"`
	// Hours are the bytes of the last 24 hours, oldest first; this hour is the last one.
	Hours [dayHours]uint64 `json:"bytes_by_hour"`
}

// Volume is the volume by one kind of name, largest today first.
type Volume struct {
	By     VolumeBy    `json:"by"`
	Rows   []VolumeRow `json:"rows"`
	Others int         `json:"others"` // how many names are in Rest
	Rest   VolumeRow   `json:"rest"`
	Total  VolumeRow   `json:"total"`
	// Hour is when this hour began, Since when the oldest hour that is known did.
	Hour  time.Time `json:"hour"`
	Since time.Time `json:"since"`
}

const (
	dayHours  = 24
	weekHours = 7 * 24
	// maxVolumes is how many names an hour tells apart.
	maxVolumes = 1000
	// maxNames is how many names are remembered before those that no hour has are forgotten.
	maxNames = 16 << 10
)

// volumeKey is a class of a source under its names in Splunk.
type volumeKey struct{ source, class, sourcetype, index string }

// otherVolumes is what an hour does not tell apart.
var otherVolumes = volumeKey{"(other)", "(other)", "(other)", "(other)"}

func (k *volumeKey) by(by VolumeBy) string {
	switch by {
	case ByClass:
		return k.class
	case BySourcetype:
		return k.sourcetype
	case BySource:
		return k.source
	case ByIndex:
		return cmp.Or(k.index, DefaultIndex)
	}
	return ""
}

// volumeHour is what came in an hour that is over: amounts with the number of their key.
type volumeHour struct {
	begins time.Time
	rows   []volumeAmount
}

type volumeAmount struct {
	key int32
	Amount
}

// rowsOf lists amounts, in no order. A list is read many times faster than a map.
func rowsOf(of map[int32]Amount) []volumeAmount {
	rows := make([]volumeAmount, 0, len(of))
	for n, a := range of {
		rows = append(rows, volumeAmount{n, a})
	}
	return rows
}

// volumeWatch adds up volumes by hour, for a week.
type volumeWatch struct {
	every time.Duration
	store *history.Store

	mu       sync.Mutex
	keys     []volumeKey
	numbers  map[volumeKey]int32
	past     []volumeHour // oldest first, without this hour
	begins   time.Time    // of this hour
	hour     map[int32]Amount
	readings []volumeReading
	saved    time.Time
}

// volumeReading is what had been counted at one moment.
type volumeReading struct {
	at time.Time
	of map[int32]Amount
}

func newVolumeWatch(store *history.Store, every time.Duration) *volumeWatch {
	return &volumeWatch{store: store, every: every, numbers: make(map[volumeKey]int32)}
}

// load takes over the hours that the history has.
func (w *volumeWatch) load(now time.Time) {
	for at, text := range w.store.Volumes(now) {
		rows, err := parseVolume(text)
		if err != nil { // its checksum is right: of another program
			continue
		}
		h := volumeHour{at, make([]volumeAmount, 0, len(rows))}
		for key, n := range rows {
			h.rows = append(h.rows, volumeAmount{w.number(key), n})
		}
		w.past = append(w.past, h)
	}
	slices.SortFunc(w.past, func(a, b volumeHour) int { return a.begins.Compare(b.begins) })
	w.begin(now)
}

// begin makes the hour of a time this hour.
func (w *volumeWatch) begin(now time.Time) {
	begins := now.UTC().Truncate(time.Hour)
	if w.begins.Equal(begins) {
		return
	}
	if w.hour != nil {
		w.past = append(w.past, volumeHour{w.begins, rowsOf(w.hour)})
	}
	w.begins, w.hour = begins, make(map[int32]Amount)
	w.past = slices.DeleteFunc(w.past, func(h volumeHour) bool {
		if h.begins.Equal(begins) { // of the process before, or the clock was set back
			for _, a := range h.rows {
				w.hour[a.key] = a.Amount
			}
			return true
		}
		return begins.Sub(h.begins) > weekHours*time.Hour || h.begins.After(begins)
	})
	if len(w.keys) > maxNames {
		w.forget()
	}
}

// forget drops the names that no hour has.
func (w *volumeWatch) forget() {
	keys := w.keys
	w.keys, w.numbers = nil, make(map[volumeKey]int32)
	renumber := func(old *map[int32]Amount) {
		of := make(map[int32]Amount, len(*old))
		for n, a := range *old {
			of[w.number(keys[n])] = a
		}
		*old = of
	}
	for _, h := range w.past {
		for i := range h.rows {
			h.rows[i].key = w.number(keys[h.rows[i].key])
		}
	}
	for i := range w.readings {
		renumber(&w.readings[i].of)
	}
	renumber(&w.hour)
}

func (w *volumeWatch) number(key volumeKey) int32 {
	n, known := w.numbers[key]
	if !known {
		n = int32(len(w.keys))
		w.keys = append(w.keys, key)
		w.numbers[key] = n
	}
	return n
}

// add takes a reading when it is time for one.
func (w *volumeWatch) add(snap status.Snapshot) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.hour == nil {
		w.load(snap.Now)
	}
	last := len(w.readings) - 1
	if last >= 0 && snap.Now.Sub(w.readings[last].at) < fineStep*w.every {
		return
	}
	r := volumeReading{snap.Now, make(map[int32]Amount)}
	for i := range snap.Sources {
		s := &snap.Sources[i]
		for _, v := range s.Volumes {
			n := w.number(volumeKey{s.Source, v.Class, v.Sourcetype, v.Index})
			r.of[n] = Amount{v.Events, v.Bytes}
		}
	}
	begins := w.begins
	for n, now := range r.of {
		var before Amount
		if last >= 0 {
			before = w.readings[last].of[n]
		}
		grown := Amount{now.Events - min(before.Events, now.Events), now.Bytes - min(before.Bytes, now.Bytes)}
		if grown == (Amount{}) {
			continue
		}
		if _, known := w.hour[n]; !known && len(w.hour) >= maxVolumes {
			n = w.number(otherVolumes)
		}
		sum := w.hour[n]
		sum.add(grown)
		w.hour[n] = sum
	}
	w.readings = append(w.readings, r)
	if len(w.readings) > 3 {
		w.readings = slices.Delete(w.readings, 0, 1)
	}
	next := !snap.Now.UTC().Truncate(time.Hour).Equal(begins)
	if next || snap.Now.Sub(w.saved) >= coarseStep*w.every {
		w.save()
		w.saved = snap.Now
	}
	if next {
		w.begin(snap.Now)
	}
}

// save gives this hour to the history.
func (w *volumeWatch) save() {
	rows := make(map[volumeKey]Amount, len(w.hour))
	for n, a := range w.hour {
		rows[w.keys[n]] = a
	}
	w.store.SetVolume(w.begins, appendVolume(rows, history.MaxVolume))
}

// volume adds up by one kind of name.
func (w *volumeWatch) volume(now time.Time, by VolumeBy, most int) Volume {
	w.mu.Lock()
	defer w.mu.Unlock()
	all := Volume{By: by, Hour: w.begins, Since: w.begins, Total: VolumeRow{Name: "total"}, Rest: VolumeRow{Name: "rest"}}
	if len(w.past) > 0 {
		all.Since = w.past[0].begins
	}
	rows := make(map[string]*VolumeRow)
	names := make([]*VolumeRow, len(w.keys)) // by number, so that a name is looked up once
	row := func(n int32) *VolumeRow {
		if names[n] == nil {
			name := w.keys[n].by(by)
			if rows[name] == nil {
				rows[name] = &VolumeRow{Name: name}
			}
			names[n] = rows[name]
		}
		return names[n]
	}
	today := now.UTC().Truncate(24 * time.Hour)
	for _, h := range append(w.past[:len(w.past):len(w.past)], volumeHour{w.begins, rowsOf(w.hour)}) {
		ago := int(w.begins.Sub(h.begins) / time.Hour)
		for _, one := range h.rows {
			r, a := row(one.key), one.Amount
			r.Week.add(a)
			if ago < dayHours {
				r.Hours[dayHours-1-ago] += a.Bytes
			}
			if ago <= dayHours {
				r.Day.add(a)
			}
			if !h.begins.Before(today) {
				r.Today.add(a)
			}
			if ago == 0 {
				r.Hour.add(a)
			}
		}
	}
	if n := len(w.readings); n > 1 {
		from, to := w.readings[0], w.readings[n-1]
		for key, b := range to.of {
			a, seconds := from.of[key], max(to.at.Sub(from.at).Seconds(), 1e-3)
			r := row(key)
			r.EventRate += per(a.Events, b.Events, seconds)
			r.ByteRate += per(a.Bytes, b.Bytes, seconds)
		}
	}
	list := make([]VolumeRow, 0, len(rows))
	for _, r := range rows {
		all.Total.add(r)
		list = append(list, *r)
	}
	all.Rows, all.Others = first(list, most, func(a, b VolumeRow) int {
		return cmp.Or(cmp.Compare(b.Today.Bytes, a.Today.Bytes), cmp.Compare(b.Week.Bytes, a.Week.Bytes), cmp.Compare(a.Name, b.Name))
	})
	for i := range list[len(all.Rows):] {
		all.Rest.add(&list[len(all.Rows)+i])
	}
	return all
}

// add adds the volume of another row.
func (r *VolumeRow) add(other *VolumeRow) {
	r.EventRate += other.EventRate
	r.ByteRate += other.ByteRate
	r.Hour.add(other.Hour)
	r.Today.add(other.Today)
	r.Day.add(other.Day)
	r.Week.add(other.Week)
	for i, n := range other.Hours {
		r.Hours[i] += n
	}
}

// appendVolume writes an hour in at most so many bytes: the largest rows by themselves, and
// the others together. A row is four texts, each at its first use as its length and bytes,
// then as its number, and two numbers.
func appendVolume(rows map[volumeKey]Amount, most int) []byte {
	type row struct {
		key volumeKey
		Amount
	}
	var list []row
	var others Amount
	for key, n := range rows {
		if key == otherVolumes {
			others.add(n)
			continue
		}
		list = append(list, row{key, n})
	}
	slices.SortFunc(list, func(a, b row) int {
		return cmp.Or(cmp.Compare(b.Bytes, a.Bytes), cmp.Compare(b.Events, a.Events), cmp.Compare(a.key.source, b.key.source),
			cmp.Compare(a.key.class, b.key.class), cmp.Compare(a.key.sourcetype, b.key.sourcetype), cmp.Compare(a.key.index, b.key.index))
	})
	const forOthers = 64 // bytes
	numbers := make(map[string]uint64)
	var out []byte
	text := func(dst []byte, s string) []byte {
		if n, known := numbers[s]; known {
			return binary.AppendUvarint(dst, n)
		}
		numbers[s] = uint64(len(numbers)) + 1
		return append(binary.AppendUvarint(binary.AppendUvarint(dst, 0), uint64(len(s))), s...)
	}
	write := func(r row) {
		for _, s := range [...]string{r.key.source, r.key.class, r.key.sourcetype, r.key.index} {
			out = text(out, s)
		}
		out = binary.AppendUvarint(binary.AppendUvarint(out, r.Events), r.Bytes)
	}
	for _, r := range list {
		size := len(r.key.source) + len(r.key.class) + len(r.key.sourcetype) + len(r.key.index) + 4*4 + 2*binary.MaxVarintLen64 // at most
		if len(out)+size+forOthers > most {
			others.add(r.Amount)
			continue
		}
		write(r)
	}
	if others != (Amount{}) {
		write(row{otherVolumes, others})
	}
	return out
}

var errVolume = errors.New("not the volume of an hour")

// parseVolume reads what appendVolume has written.
func parseVolume(data []byte) (map[volumeKey]Amount, error) {
	rows := make(map[volumeKey]Amount)
	var texts []string
	number := func() (uint64, bool) {
		n, size := binary.Uvarint(data)
		if size <= 0 {
			return 0, false
		}
		data = data[size:]
		return n, true
	}
	text := func() (string, bool) {
		n, ok := number()
		switch {
		case !ok || n > uint64(len(texts)):
			return "", false
		case n > 0:
			return texts[n-1], true
		}
		size, ok := number()
		if !ok || size > uint64(len(data)) {
			return "", false
		}
		texts = append(texts, string(data[:size]))
		data = data[size:]
		return texts[len(texts)-1], true
	}
	for len(data) > 0 {
		var key volumeKey
		for _, s := range [...]*string{&key.source, &key.class, &key.sourcetype, &key.index} {
			var ok bool
			if *s, ok = text(); !ok {
				return nil, errVolume
			}
		}
		events, ok := number()
		bytes, ok2 := number()
		if !ok || !ok2 {
			return nil, errVolume
		}
		sum := rows[key]
		sum.add(Amount{events, bytes})
		rows[key] = sum
	}
	return rows, nil
}
