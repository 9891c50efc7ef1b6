package history

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"syslog-gateway/internal/durable"
)

// The layout. A change of it is a new version.
const (
	version     = 1
	headerBytes = 4096
	pointSlot   = 128
	eventSlot   = 512
	eventSlots  = 1024
	volumeSlot  = 24 << 10
	volumeHours = 168

	slotHead = 8 // checksum and length

	// MaxVolume is the size of an hour's volume, in bytes.
	MaxVolume = volumeSlot - slotHead - volumeHead
	// volumeHead is the hour and how often it was written.
	volumeHead = 16
)

var magic = []byte("SGWHIST\n")

// ahead is how far a content may be in the future: clocks are set back by a little.
const ahead = time.Hour

// area is a part of the file: so many slots of one size.
type area struct {
	offset int64
	size   int
	count  int
}

func (a area) end() int64 { return a.offset + int64(a.size)*int64(a.count) }

// layout are the areas of the tiers, of the events and of the volumes.
func layout() (points [len(tiers)]area, events, volumes area) {
	at := int64(headerBytes)
	for i, t := range tiers {
		points[i] = area{at, pointSlot, t.count}
		at = points[i].end()
	}
	events = area{at, eventSlot, eventSlots}
	volumes = area{events.end(), volumeSlot, 2 * volumeHours}
	return points, events, volumes
}

// FileSize is the size of the file, which never changes, in bytes.
func FileSize() int64 {
	_, _, volumes := layout()
	return volumes.end()
}

var table = crc32.MakeTable(crc32.Castagnoli)

// seal writes payload and its checksum into a slot. The checksum is also of the place, so
// that a slot in the wrong place is no slot.
func seal(slot []byte, offset int64, payload []byte) {
	clear(slot)
	binary.LittleEndian.PutUint32(slot[4:], uint32(len(payload)))
	copy(slot[slotHead:], payload)
	binary.LittleEndian.PutUint32(slot, checksum(slot, offset, len(payload)))
}

func checksum(slot []byte, offset int64, n int) uint32 {
	var place [8]byte
	binary.LittleEndian.PutUint64(place[:], uint64(offset))
	return crc32.Update(crc32.Checksum(place[:], table), table, slot[4:slotHead+n])
}

// unseal returns the payload of a slot, nil if it is empty or torn.
func unseal(slot []byte, offset int64) []byte {
	n := binary.LittleEndian.Uint32(slot[4:])
	if n == 0 || uint64(n) > uint64(len(slot)-slotHead) || binary.LittleEndian.Uint32(slot) != checksum(slot, offset, int(n)) {
		return nil
	}
	return slot[slotHead : slotHead+int(n)]
}

// header is the first 4 KiB.
func header(v uint32) []byte {
	slot := make([]byte, headerBytes)
	payload := binary.LittleEndian.AppendUint32(bytes.Clone(magic), v)
	seal(slot, 0, binary.LittleEndian.AppendUint64(payload, uint64(FileSize())))
	return slot
}

// checkHeader says what is wrong with a file of such a begin and size.
func checkHeader(data []byte) error {
	if len(data) < headerBytes {
		return fmt.Errorf("it has %d bytes and should have %d: it was cut", len(data), FileSize())
	}
	payload := unseal(data[:headerBytes], 0)
	switch {
	case len(payload) < len(magic)+4 || !bytes.HasPrefix(payload, magic):
		return errors.New("it is not a history of this gateway")
	case binary.LittleEndian.Uint32(payload[len(magic):]) != version:
		return fmt.Errorf("it has version %d and this program knows version %d", binary.LittleEndian.Uint32(payload[len(magic):]), version)
	case int64(len(data)) != FileSize():
		return fmt.Errorf("it has %d bytes and should have %d: it was cut, or something was added", len(data), FileSize())
	}
	return nil
}

// content is what a file holds.
type content struct {
	points  [len(tiers)]map[int64]Point // by the second in which they begin
	events  []Event                     // oldest first
	number  uint64                      // of the next event
	volumes map[int64]volume            // by hour
}

// volume is the text of an hour.
type volume struct {
	text  []byte
	times uint64 // how often it was written
}

// parse reads a file. The error says why it is not a history of this time.
func parse(data []byte, now time.Time) (content, error) {
	c := content{volumes: make(map[int64]volume)}
	if err := checkHeader(data); err != nil {
		return c, err
	}
	points, events, volumes := layout()
	latest := time.Time{}
	each := func(a area, f func(slot int, payload []byte)) {
		for i := range a.count {
			offset := a.offset + int64(i)*int64(a.size)
			if payload := unseal(data[offset:offset+int64(a.size)], offset); payload != nil {
				f(i, payload)
			}
		}
	}
	for i, t := range tiers {
		c.points[i] = make(map[int64]Point)
		each(points[i], func(slot int, payload []byte) {
			p, ok := parsePoint(payload)
			if !ok || t.slot(p.At) != slot || !t.begin(p.At).Equal(p.At) {
				return
			}
			if p.At.After(latest) {
				latest = p.At
			}
			c.points[i][p.At.Unix()] = p
		})
	}
	numbered := make(map[uint64]Event)
	var numbers []uint64
	each(events, func(slot int, payload []byte) {
		if e, n, ok := parseEvent(payload); ok && int(n%eventSlots) == slot {
			numbered[n] = e
			numbers = append(numbers, n)
			c.number = max(c.number, n+1)
		}
	})
	slices.Sort(numbers)
	for _, n := range numbers {
		c.events = append(c.events, numbered[n])
	}
	each(volumes, func(slot int, payload []byte) {
		if len(payload) < volumeHead {
			return
		}
		hour, times := int64(binary.LittleEndian.Uint64(payload)), binary.LittleEndian.Uint64(payload[8:])
		if volumePlace(hour, times) == slot && times >= c.volumes[hour].times {
			c.volumes[hour] = volume{bytes.Clone(payload[volumeHead:]), times}
		}
	})
	if latest.Sub(now) > ahead {
		return content{}, fmt.Errorf("its newest point is of %s, which is in the future", latest.Format(time.RFC3339))
	}
	return c, nil
}

// volumePlace is the slot for writing an hour, which is counted since 1970, so many times.
func volumePlace(hour int64, times uint64) int {
	return int(2*mod(hour, volumeHours)) + int(times%2)
}

// Aside is what is appended to the name of a file that was set aside. There is one such
// file, the newest.
const Aside = ".aside"

// openFile opens the file, or makes a new one. aside says why an old one was set aside; nil
// if there was none.
func openFile(path string, now time.Time) (f *os.File, c content, aside, err error) {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, c, nil, fmt.Errorf("look at the history %s: %w", path, err)
	case !info.Mode().IsRegular():
		aside = errors.New("it is not a regular file")
	default:
		if f, c, aside, err = readFile(path, now); err != nil || aside == nil {
			return f, c, nil, err
		}
	}
	if aside != nil {
		if err := os.Rename(path, path+Aside); err != nil {
			return nil, content{}, aside, fmt.Errorf("set the history %s aside: %w", path, err)
		}
	}
	f, err = newFile(path)
	return f, content{}, aside, err
}

// readFile reads a file that is there. wrong says what is wrong with its content.
func readFile(path string, now time.Time) (f *os.File, c content, wrong, err error) {
	if f, err = os.OpenFile(path, os.O_RDWR, 0); err != nil {
		return nil, c, nil, fmt.Errorf("open the history: %w", err)
	}
	data, err := io.ReadAll(io.LimitReader(f, FileSize()+1))
	if err != nil {
		return nil, c, nil, errors.Join(fmt.Errorf("read the history: %w", err), f.Close())
	}
	if c, wrong = parse(data, now); wrong != nil {
		return nil, content{}, wrong, f.Close()
	}
	return f, c, nil, nil
}

// newFile makes an empty history. It has its name only when it is whole.
func newFile(path string) (*os.File, error) {
	temp := path + ".new"
	f, err := os.OpenFile(temp, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, fmt.Errorf("make the history: %w", err)
	}
	_, err = f.Write(header(version))
	if err == nil {
		err = f.Truncate(FileSize())
	}
	if err == nil {
		err = f.Sync()
	}
	if err == nil {
		err = os.Rename(temp, path)
	}
	if err == nil {
		err = durable.SyncDir(filepath.Dir(path))
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("make the history %s: %w", path, err), f.Close())
	}
	return f, nil
}
