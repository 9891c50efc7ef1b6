package syslog

import (
	"math/rand"
	"testing"
	"time"
	_ "time/tzdata" // the zones below, on any machine
)

func zone(t testing.TB, name string) *time.Location {
	t.Helper()
	loc, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return loc
}

func instant(t testing.TB, rfc3339 string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339Nano, rfc3339)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// stampOf reads a stamp in any form.
func stampOf(t testing.TB, text string) Stamp {
	t.Helper()
	for _, parse := range []func([]byte) (Stamp, int){ParseBSD, ParseISO, ParseSlash, ParseAsctime, ParseUnix} {
		if s, n := parse([]byte(text)); n == len(text) {
			return s
		}
	}
	t.Fatalf("%q is no stamp", text)
	return Stamp{}
}

var clockCases = []struct {
	name, stamp, zone, received string
	want                        string // "": none
}{
	{"UTC", "Mar 14 14:28:52", "UTC", "2026-03-14T14:28:53Z", "2026-03-14T14:28:52Z"},
	{"winter in Berlin", "Jan 14 14:28:52", "Europe/Berlin", "2026-01-14T13:28:53Z", "2026-01-14T13:28:52Z"},
	{"summer in Berlin", "Jul 14 14:28:52", "Europe/Berlin", "2026-07-14T12:28:53Z", "2026-07-14T12:28:52Z"},
	{"India", "Jul 14 14:28:52", "Asia/Kolkata", "2026-07-14T08:58:53Z", "2026-07-14T08:58:52Z"},
	{"Chatham Islands", "Jul 14 14:28:52", "Pacific/Chatham", "2026-07-14T01:43:53Z", "2026-07-14T01:43:52Z"},
	{"the stamp's offset counts, not the zone", "2026-07-14T14:28:52-04:00", "Europe/Berlin", "2026-07-14T18:28:53Z", "2026-07-14T18:28:52Z"},
	{"zone name", "Jul 14 14:28:52 EDT", "Europe/Berlin", "2026-07-14T18:28:53Z", "2026-07-14T18:28:52Z"},
	{"ambiguous zone name", "Jul 14 14:28:52 IST", "Asia/Kolkata", "2026-07-14T08:58:53Z", "2026-07-14T08:58:52Z"},
	{"fraction", "Mar 14 14:28:52.123456", "UTC", "2026-03-14T14:28:53Z", "2026-03-14T14:28:52.123456Z"},
	{"slashes", "2026/03/14 14:28:52", "Europe/Berlin", "2026-03-14T13:28:53Z", "2026-03-14T13:28:52Z"},
	{"asctime", "Sat Mar 14 14:28:52 2026", "Europe/Berlin", "2026-03-14T13:28:53Z", "2026-03-14T13:28:52Z"},
	{"epoch", "1773498532.25", "Europe/Berlin", "2026-03-14T14:28:53Z", "2026-03-14T14:28:52.25Z"},
	{"epoch in ms", "1773498532250", "UTC", "2026-03-14T14:28:53Z", "2026-03-14T14:28:52.25Z"},
	{"second 60", "2016-12-31T23:59:60Z", "UTC", "2017-01-01T00:00:00Z", "2017-01-01T00:00:00Z"},

	{"31 December read on 1 January", "Dec 31 23:59:58", "UTC", "2026-01-01T00:00:02Z", "2025-12-31T23:59:58Z"},
	{"1 January read on 31 December", "Jan  1 00:00:02", "UTC", "2025-12-31T23:59:58Z", "2026-01-01T00:00:02Z"},
	{"New Year in Auckland", "Jan  1 00:00:02", "Pacific/Auckland", "2025-12-31T11:00:03Z", "2025-12-31T11:00:02Z"},
	{"New Year in Los Angeles", "Dec 31 23:59:58", "America/Los_Angeles", "2026-01-01T07:59:59Z", "2026-01-01T07:59:58Z"},
	{"November read in January", "Nov 20 10:00:00", "UTC", "2026-01-10T10:00:00Z", "2025-11-20T10:00:00Z"},
	{"a little less than half a year back", "Sep  1 12:00:00", "UTC", "2026-03-01T00:00:00Z", "2025-09-01T12:00:00Z"},
	{"a little less than half a year ahead", "Aug 30 00:00:00", "UTC", "2026-03-01T00:00:00Z", "2026-08-30T00:00:00Z"},
	{"exactly half of 365 days ahead", "Aug 30 12:00:00", "UTC", "2026-03-01T00:00:00Z", "2026-08-30T12:00:00Z"},
	{"written year far off", "Mar 14 1999 14:28:52", "UTC", "2026-03-14T14:28:53Z", "1999-03-14T14:28:52Z"},

	{"29 February in a leap year", "Feb 29 10:00:00", "UTC", "2028-02-29T10:00:01Z", "2028-02-29T10:00:00Z"},
	{"29 February in the year after", "Feb 29 10:00:00", "UTC", "2025-03-01T10:00:00Z", "2024-02-29T10:00:00Z"},
	{"29 February in the year before", "Feb 29 10:00:00", "UTC", "2027-12-31T10:00:00Z", "2028-02-29T10:00:00Z"},
	{"29 February around 2100", "Feb 29 10:00:00", "UTC", "2100-01-01T10:00:00Z", "2096-02-29T10:00:00Z"},
	{"29 February of no leap year", "2026-02-29T10:00:00Z", "UTC", "2026-03-01T10:00:00Z", ""},
	{"29 February of 1900", "Feb 29 1900 10:00:00", "UTC", "2026-03-01T10:00:00Z", ""},
	{"29 February of 2000", "Feb 29 2000 10:00:00", "UTC", "2026-03-01T10:00:00Z", "2000-02-29T10:00:00Z"},
	{"30 February", "Feb 30 10:00:00", "UTC", "2026-03-01T10:00:00Z", ""},
	{"31 April", "Apr 31 10:00:00", "UTC", "2026-05-01T10:00:00Z", ""},
	{"31 June with year", "2026-06-31T10:00:00", "UTC", "2026-05-01T10:00:00Z", ""},
	{"hour 24", "Mar 14 24:00:00", "UTC", "2026-03-15T00:00:01Z", ""},
	{"second 61", "2016-12-31T23:59:61Z", "UTC", "2017-01-01T00:00:00Z", ""},
	{"year 0", "0000-03-14T14:28:52Z", "UTC", "2026-03-14T14:28:53Z", ""},
	{"UTC+5:30", "Jul 14 14:28:52 UTC+5:30", "Europe/Berlin", "2026-07-14T08:58:53Z", "2026-07-14T08:58:52Z"},
	{"twelve-hour clock", "Jul 14 02:28:52 PM", "Europe/Berlin", "2026-07-14T12:28:53Z", "2026-07-14T12:28:52Z"},
	{"beyond what fits", "9999-12-31T23:59:59Z", "UTC", "2026-03-01T10:00:00Z", ""},
	{"before what fits", "0001-01-01T00:00:00Z", "UTC", "2026-03-01T10:00:00Z", ""},

	// Europe/Berlin: 29 March 2026 02:00 becomes 03:00; 25 October 03:00 becomes 02:00.
	{"Berlin, before the gap", "Mar 29 01:59:59", "Europe/Berlin", "2026-03-29T01:00:00Z", "2026-03-29T00:59:59Z"},
	{"Berlin, in the gap", "Mar 29 02:30:00", "Europe/Berlin", "2026-03-29T01:00:00Z", "2026-03-29T00:30:00Z"},
	{"Berlin, after the gap", "Mar 29 03:00:00", "Europe/Berlin", "2026-03-29T01:00:00Z", "2026-03-29T01:00:00Z"},
	{"Berlin, before the overlap", "Oct 25 01:59:59", "Europe/Berlin", "2026-10-25T00:00:00Z", "2026-10-24T23:59:59Z"},
	{"Berlin, overlap, first", "Oct 25 02:30:00", "Europe/Berlin", "2026-10-25T00:30:05Z", "2026-10-25T00:30:00Z"},
	{"Berlin, overlap, second", "Oct 25 02:30:00", "Europe/Berlin", "2026-10-25T01:30:05Z", "2026-10-25T01:30:00Z"},
	{"Berlin, overlap, read much later", "Oct 25 02:30:00", "Europe/Berlin", "2026-10-26T12:00:00Z", "2026-10-25T01:30:00Z"},
	{"Berlin, after the overlap", "Oct 25 03:00:00", "Europe/Berlin", "2026-10-25T02:00:00Z", "2026-10-25T02:00:00Z"},
	// America/New_York: 8 March 2026 02:00 becomes 03:00; 1 November 02:00 becomes 01:00.
	{"New York, in the gap", "Mar  8 02:30:00", "America/New_York", "2026-03-08T07:00:00Z", "2026-03-08T06:30:00Z"},
	{"New York, after the gap", "Mar  8 03:00:00", "America/New_York", "2026-03-08T07:00:00Z", "2026-03-08T07:00:00Z"},
	{"New York, overlap, first", "Nov  1 01:30:00", "America/New_York", "2026-11-01T05:30:05Z", "2026-11-01T05:30:00Z"},
	{"New York, overlap, second", "Nov  1 01:30:00", "America/New_York", "2026-11-01T06:30:05Z", "2026-11-01T06:30:00Z"},
}

func TestClockInstant(t *testing.T) {
	for _, c := range clockCases {
		s := stampOf(t, c.stamp)
		clock := NewClock(zone(t, c.zone))
		received := instant(t, c.received).UnixNano()
		for _, pass := range []string{"first", "cached"} {
			got, ok := clock.Instant(&s, received)
			if ok != (c.want != "") || ok && got != instant(t, c.want).UnixNano() {
				t.Errorf("%s (%s): %q in %s, received %s: got %s (%v), want %q",
					c.name, pass, c.stamp, c.zone, c.received, time.Unix(0, got).UTC().Format(time.RFC3339Nano), ok, c.want)
			}
		}
	}
	if _, ok := NewClock(time.UTC).Instant(&Stamp{}, 0); ok {
		t.Error("no time became an instant")
	}
}

// TestClockLocal compares local times with the time package in all kinds of zones, with a
// clock that has a cache and with a new one each time.
func TestClockLocal(t *testing.T) {
	const seed = 3
	r := rand.New(rand.NewSource(seed))
	for _, name := range []string{
		"UTC", "Europe/Berlin", "America/New_York", "America/Sao_Paulo", "Australia/Lord_Howe",
		"Asia/Kolkata", "Asia/Kathmandu", "Africa/Casablanca", "Pacific/Apia", "Europe/Dublin",
	} {
		loc := zone(t, name)
		clock := NewClock(loc)
		at := instant(t, "1990-01-01T00:00:00Z").Unix()
		span := instant(t, "2037-01-01T00:00:00Z").Unix() - at
		for i := range 4000 {
			secs := at + r.Int63n(span)
			if i%4 != 0 { // many messages of about the same time, also across a change
				secs = at + span/2 + int64(i)*4*3600 + r.Int63n(7200)
			}
			want := time.Unix(secs, 0)
			local := want.In(loc)
			_, offset := local.Zone()
			s := Stamp{
				Kind: Local, Year: int16(local.Year()), Month: int8(local.Month()), Day: int8(local.Day()),
				Hour: int8(local.Hour()), Minute: int8(local.Minute()), Second: int8(local.Second()),
			}
			received := want.Add(time.Duration(r.Intn(900)) * time.Second).UnixNano()
			got, ok := clock.Instant(&s, received)
			fresh, _ := NewClock(loc).Instant(&s, received)
			if !ok || got != fresh || got != want.UnixNano() {
				t.Fatalf("seed %d: %v (offset %d) in %s: got %v, with a new clock %v", seed, local, offset, name,
					time.Unix(0, got).In(loc), time.Unix(0, fresh).In(loc))
			}
		}
	}
}

// TestClockYear checks that the stamp is nearer to the receive time in the chosen year than
// in any other.
func TestClockYear(t *testing.T) {
	const seed = 4
	r := rand.New(rand.NewSource(seed))
	clock := NewClock(time.UTC)
	for range 20_000 {
		received := time.Unix(r.Int63n(4_000_000_000), 0).UTC()
		s := Stamp{
			Kind: Local, Month: int8(1 + r.Intn(12)), Day: int8(1 + r.Intn(31)),
			Hour: int8(r.Intn(24)), Minute: int8(r.Intn(60)), Second: int8(r.Intn(60)),
		}
		var best time.Time
		for y := received.Year() - 8; y <= received.Year()+8; y++ {
			at := time.Date(y, time.Month(s.Month), int(s.Day), int(s.Hour), int(s.Minute), int(s.Second), 0, time.UTC)
			if at.Day() == int(s.Day) && (best.IsZero() || at.Sub(received).Abs() < best.Sub(received).Abs()) {
				best = at
			}
		}
		got, ok := clock.Instant(&s, received.UnixNano())
		if ok != !best.IsZero() {
			t.Fatalf("seed %d: %s received %v: ok %v, want %v", seed, describe(s), received, ok, best)
		}
		if ok && time.Unix(0, got).Sub(received).Abs() != best.Sub(received).Abs() {
			t.Fatalf("seed %d: %s received %v: got %v, want %v", seed, describe(s), received, time.Unix(0, got).UTC(), best)
		}
	}
}

func TestDays(t *testing.T) {
	for at := instant(t, "1600-01-01T00:00:00Z"); at.Year() < 2500; at = at.AddDate(0, 0, 1) {
		if got, want := days(at.Year(), int(at.Month()), at.Day()), at.Unix()/secondsPerDay; got != want {
			t.Fatalf("days(%s) = %d, want %d", at.Format(time.DateOnly), got, want)
		}
		if last := at.AddDate(0, 0, 1).Day() == 1; last != (at.Day() == daysIn(int(at.Month()), at.Year())) {
			t.Fatalf("daysIn(%s) = %d", at.Format(time.DateOnly), daysIn(int(at.Month()), at.Year()))
		}
	}
}

// FuzzClock checks that the instant of any stamp is within range.
func FuzzClock(f *testing.F) {
	f.Add(uint8(1), int8(2), int8(29), int8(23), int8(59), int8(60), int16(0), int32(3600), int64(1773498532), int64(1773498532e9))
	loc := zone(f, "Europe/Berlin")
	f.Fuzz(func(t *testing.T, kind uint8, month, day, hour, minute, second int8, year int16, offset int32, secs, received int64) {
		s := Stamp{
			Kind: TimeKind(kind % 4), Month: 1 + (month&0x7f)%12, Day: 1 + (day&0x7f)%31, Hour: (hour & 0x7f) % 24,
			Minute: (minute & 0x7f) % 60, Second: (second & 0x7f) % 61, Year: max(year, 0) % 10000, Offset: offset % 86400, Secs: secs,
		}
		at, ok := NewClock(loc).Instant(&s, received)
		if ok == (s.Kind == NoTime) && ok || !ok && at != 0 {
			t.Fatalf("%+v received at %d: %d, %v", s, received, at, ok)
		}
	})
}
