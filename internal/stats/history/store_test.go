package history

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"syslog-gateway/internal/testkit"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var noon = time.Date(2026, 3, 14, 12, 0, 0, 0, time.UTC)

// opened is a store on a file, and its log.
func opened(t *testing.T, path string, now time.Time) (*Store, *testkit.Log) {
	t.Helper()
	log := new(testkit.Log)
	s := New(path, slog.New(slog.NewTextHandler(log, nil)))
	s.Open(now)
	t.Cleanup(func() { testkit.Equal(t, "close", s.Close(), nil) })
	return s, log
}

// seconds adds points from a time on.
func seconds(s *Store, from time.Time, n int) {
	for i := range n {
		s.Add(Point{At: from.Add(time.Duration(i) * time.Second), Covered: time.Second, Received: 10, Delivered: 5, Waiting: int64(i), P50: 1, P99: float64(i % 7)})
	}
}

func rangeOf(t *testing.T, name string) Range {
	for _, r := range Ranges() {
		if r.Name == name {
			return r
		}
	}
	t.Fatal(name)
	return Range{}
}

// Every range shows all that was added, in at most 288 points.
func TestRanges(t *testing.T) {
	s := New("", nil)
	const days = 9
	seconds(s, noon.Add(-days*24*time.Hour), days*86400)
	last := noon.Add(-time.Second)
	for name, want := range map[string]struct{ points, each int }{"15m": {180, 5}, "6h": {180, 120}, "24h": {288, 300}, "7d": {168, 3600}} {
		r := rangeOf(t, name)
		got := s.Series(r, last)
		if len(got) != want.points {
			t.Fatalf("%s: %d points, want %d", name, len(got), want.points)
		}
		for i, p := range got {
			if p.Received != uint64(10*want.each) || p.Delivered != uint64(5*want.each) || p.Covered != r.Step || p.P50 != 1 || p.P99 > 6 || i > 0 && p.At.Sub(got[i-1].At) != r.Step {
				t.Fatalf("%s, point %d: %+v", name, i, p)
			}
		}
	}
	if got := s.WeekBefore(rangeOf(t, "24h"), last); len(got) != 96 || got[95].Received != 9000 {
		t.Errorf("a week ago: %d points, %+v", len(got), got[len(got)-1])
	}
	if got := s.WeekBefore(rangeOf(t, "7d"), last); len(got) != 0 {
		t.Errorf("a week ago of 7 days: %v", got)
	}
	if got := s.Series(rangeOf(t, "15m"), noon.Add(time.Hour)); len(got) != 0 {
		t.Errorf("an hour later: %v", got)
	}
	if FileSize() > 16<<20 {
		t.Errorf("the file has %d bytes", FileSize())
	}
}

// What was written is there after a restart, and goes on.
func TestRestart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history")
	s, log := opened(t, path, noon)
	seconds(s, noon, 100)
	for i := range eventSlots + 10 {
		s.Mark(Event{noon, Start, fmt.Sprint("one\x1b\n\xff", i)})
	}
	s.SetVolume(noon, []byte("first"))
	s.write(true)
	s.SetVolume(noon, []byte("second"))
	s.SetVolume(noon.Add(-time.Hour), []byte("before"))
	s.write(true)
	again, more := opened(t, path, noon.Add(time.Minute))
	if log.String()+more.String() != "" {
		t.Error(log, more)
	}
	now := noon.Add(100 * time.Second)
	testkit.Equal(t, "points", fmt.Sprint(again.Series(rangeOf(t, "15m"), now)), fmt.Sprint(s.Series(rangeOf(t, "15m"), now)))
	events := again.Events(noon, 3)
	if len(events) != 3 || !strings.HasSuffix(events[2].Text, fmt.Sprint(eventSlots+9)) || strings.ContainsAny(events[2].Text, "\x1b\n") || len(again.Events(noon, 9999)) != eventSlots {
		t.Errorf("%d events: %q", len(again.Events(noon, 9999)), events)
	}
	testkit.Equal(t, "volumes", fmt.Sprint(again.Volumes(now)), fmt.Sprint(s.Volumes(now)))
	testkit.Equal(t, "volume", string(again.Volumes(now)[noon]), "second")
	seconds(again, now, 20) // within the same minute
	minutes := again.Series(rangeOf(t, "6h"), now.Add(20*time.Second))
	if len(minutes) != 1 || minutes[0].Received != 1200 {
		t.Errorf("%+v", minutes)
	}
	info := testkit.Try(os.Stat(path))(t)
	testkit.Equal(t, "size", info.Size(), FileSize())
}

// Each file that cannot be used is set aside with a line that says why, and a new one begins.
func TestSetAside(t *testing.T) {
	whole := func(t *testing.T, path string, at time.Time) {
		s := New(path, nil)
		s.Open(at)
		seconds(s, at, 5)
		s.write(true)
		testkit.Must(t, s.Close())
	}
	for name, c := range map[string]struct {
		spoil func(t *testing.T, path string)
		why   string
	}{
		"cut":           {func(t *testing.T, path string) { testkit.Must(t, os.Truncate(path, FileSize()-1)) }, "cut"},
		"empty":         {func(t *testing.T, path string) { testkit.Must(t, os.Truncate(path, 0)) }, "cut"},
		"longer":        {func(t *testing.T, path string) { testkit.Must(t, os.Truncate(path, FileSize()+1)) }, "something was added"},
		"not ours":      {func(t *testing.T, path string) { testkit.Must(t, os.WriteFile(path, make([]byte, FileSize()), 0o600)) }, "not a history"},
		"a folder":      {func(t *testing.T, path string) { testkit.Must(t, errors.Join(os.Remove(path), os.Mkdir(path, 0o700))) }, "regular file"},
		"newer version": {func(t *testing.T, path string) { overwrite(t, path, header(version+1)) }, "version 2"},
		"broken header": {func(t *testing.T, path string) { overwrite(t, path, []byte{1, 2, 3}) }, "not a history"},
		"of the future": {func(t *testing.T, path string) {
			testkit.Must(t, os.Remove(path))
			whole(t, path, noon.Add(2*time.Hour))
		}, "future"},
		"control: whole": {func(*testing.T, string) {}, ""},
		"control: a clock that was set back a little": {func(t *testing.T, path string) { whole(t, path, noon.Add(time.Minute)) }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "history")
			whole(t, path, noon)
			c.spoil(t, path)
			s, log := opened(t, path, noon)
			_, err := os.Lstat(path + Aside)
			if (err == nil) != (c.why != "") || !strings.Contains(log.String(), c.why) || (log.String() == "") != (c.why == "") {
				t.Errorf("set aside: %v; log: %s", err, log)
			}
			seconds(s, noon, 3)
			s.write(true)
			again, log := opened(t, path, noon.Add(time.Second))
			if log.String() != "" || len(again.Series(rangeOf(t, "15m"), noon.Add(3*time.Second))) == 0 {
				t.Errorf("the new one cannot be used: %s", log)
			}
		})
	}
}

func overwrite(t *testing.T, path string, begin []byte) {
	f := testkit.Try(os.OpenFile(path, os.O_WRONLY, 0))(t)
	_, err := f.WriteAt(begin, 0)
	testkit.Must(t, errors.Join(err, f.Close()))
}

// torn is a file whose power fails in the middle of a write: each sector of it is old or new.
type torn struct {
	*os.File
	left int // sectors that are still written
}

var errPower = errors.New("the power has failed")

func (f *torn) WriteAt(p []byte, at int64) (int, error) {
	for len(p) > 0 {
		if f.left--; f.left < 0 {
			return 0, errPower
		}
		n := min(int64(len(p)), 512-at%512)
		if _, err := f.File.WriteAt(p[:n], at); err != nil {
			return 0, err
		}
		p, at = p[n:], at+n
	}
	return 0, nil
}

// The power fails after each sector: the file can be read, and at most what was being
// written is missing. An hour's volume is the old or the new one.
func TestPowerCut(t *testing.T) {
	for left := range 60 {
		path := filepath.Join(t.TempDir(), "history")
		s, _ := opened(t, path, noon)
		seconds(s, noon, 30)
		s.SetVolume(noon, []byte(strings.Repeat("a", 5000)))
		s.write(true)
		s.file = &torn{s.file.(*os.File), left}
		seconds(s, noon.Add(30*time.Second), 3)
		s.SetVolume(noon, []byte(strings.Repeat("b", 9000)))
		s.Mark(Event{noon, Reload, "x"})
		s.write(true)
		again, log := opened(t, path, noon.Add(time.Minute))
		var n uint64
		for _, p := range again.Series(rangeOf(t, "15m"), noon.Add(time.Minute)) {
			n += p.Received
		}
		text := string(again.Volumes(noon)[noon])
		if log.String() != "" || n < 300 || n > 330 || text != strings.Repeat("a", 5000) && text != strings.Repeat("b", 9000) {
			t.Fatalf("after %d sectors: %d received, a volume of %d, log %s", left, n, len(text), log)
		}
		if left == 59 && (n != 330 || len(text) != 9000) {
			t.Error("control: nothing was cut, and something is missing")
		}
	}
}

// While the file cannot be written nothing is forgotten, and it is said once.
func TestFailingDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "no", "history")
		now := time.Now()
		s, log := opened(t, path, now)
		seconds(s, now, 10)
		s.Mark(Event{now, Start, "x"})
		s.SetVolume(now, []byte("v"))
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { s.Run(ctx); close(done) }()
		time.Sleep(5 * time.Minute)
		testkit.Equal(t, "lines", strings.Count(log.String(), "cannot be written"), 1)
		testkit.Must(t, os.Mkdir(filepath.Dir(path), 0o700))
		time.Sleep(2 * time.Minute)
		testkit.Equal(t, "end", strings.Count(log.String(), "can be written again"), 1)
		cancel()
		<-done
		testkit.Must(t, s.Close())
		again, _ := opened(t, path, now)
		if len(again.Events(now, 9)) != 1 || len(again.Series(rangeOf(t, "15m"), now.Add(10*time.Second))) == 0 || len(again.Volumes(now)) != 1 {
			t.Error("what was in memory is not in the file")
		}
	})
}

// counting counts the work that the history makes for the disk.
type counting struct {
	writes, bytes, syncs int
}

func (c *counting) WriteAt(p []byte, _ int64) (int, error) {
	c.writes++
	c.bytes += len(p)
	return len(p), nil
}
func (c *counting) Sync() error  { c.syncs++; return nil }
func (c *counting) Close() error { return nil }

// TestWork: an hour costs the disk three small writes a second and a sync a minute, and a
// second costs a handful of allocations.
func TestWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, work := New("x", nil), new(counting)
		s.file = work
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { s.Run(ctx); close(done) }()
		time.Sleep(time.Millisecond)
		for range 3600 {
			s.Add(Point{At: time.Now(), Covered: time.Second, Received: 1})
			time.Sleep(time.Second)
		}
		cancel()
		<-done
		if work.writes > 3*3600+200 || work.writes < 3*3600-200 || work.bytes != pointSlot*work.writes || work.syncs < 58 || work.syncs > 62 {
			t.Errorf("%d writes of %d bytes, %d syncs", work.writes, work.bytes, work.syncs)
		}
	})
	s := New("x", nil)
	s.file = new(counting)
	at := noon
	if n := testing.AllocsPerRun(1000, func() {
		at = at.Add(time.Second)
		s.Add(Point{At: at, Covered: time.Second})
		s.write(false)
	}); n > 8 {
		t.Errorf("a second costs %v allocations", n)
	}
}

// BenchmarkSecond is what the history costs in a second, with a real file.
func BenchmarkSecond(b *testing.B) {
	s := New(filepath.Join(b.TempDir(), "history"), nil)
	s.Open(noon)
	defer s.Close()
	at := noon
	b.ReportAllocs()
	for b.Loop() {
		at = at.Add(time.Second)
		s.Add(Point{At: at, Covered: time.Second, Received: 1})
		s.write(false)
	}
}

// FuzzParse: no file makes the reader fail, and what it reads can be written.
func FuzzParse(f *testing.F) {
	f.Add(uint16(0), uint32(0), []byte("x"))
	f.Add(uint16(1), uint32(4096), binary.LittleEndian.AppendUint64(nil, 1))
	base := make([]byte, FileSize())
	copy(base, header(version))
	f.Fuzz(func(t *testing.T, which uint16, at uint32, payload []byte) {
		points, events, volumes := layout()
		data := base
		a := append(points[:], events, volumes)[int(which)%(len(tiers)+2)]
		offset := a.offset + int64(a.size)*int64(int(at)%a.count)
		slot := data[offset : offset+int64(a.size)]
		seal(slot, offset, payload[:min(len(payload), a.size-slotHead)])
		defer clear(slot)
		c, err := parse(data, noon)
		if err != nil {
			return
		}
		s := New("x", nil)
		s.file = new(counting)
		s.take(c)
		for _, r := range Ranges() {
			s.Series(r, noon)
		}
		s.Mark(Event{noon, Start, string(payload)})
		s.write(true)
	})
}
