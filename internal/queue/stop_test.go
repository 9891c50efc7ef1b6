package queue

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"syslog-gateway/internal/ledger"
	"syslog-gateway/internal/queue/segment"
	"syslog-gateway/internal/testkit"
)

// stopped is a queue of n records, of which some were acknowledged, closed in order.
func stopped(t *testing.T, n, acked int) (o Options, segs []string) {
	t.Helper()
	o = quietOptions(t)
	s, q := openFilled(t, o, n, 700)
	drain(t, q, acked)
	testkit.Must(t, shut(s))
	for _, name := range files(t, o.Path, segment.Prefix+"0*"+segment.Suffix) {
		segs = append(segs, filepath.Join(o.Path, "shard-00", name))
	}
	o.Ledger = ledger.New()
	return o, segs
}

// Records that a person or the file system removes after a stop are logged with their number
// and counted.
func TestMissingAfterStopIsReported(t *testing.T) {
	cut := func(to func(size int64) int64) func(t *testing.T, path string) {
		return func(t *testing.T, path string) {
			st := testkit.Try(os.Stat(path))(t)
			testkit.Must(t, os.Truncate(path, to(st.Size())))
		}
	}
	for name, hurt := range map[string]func(t *testing.T, path string){
		"truncated to 0": cut(func(int64) int64 { return 0 }),
		"cut":            cut(func(n int64) int64 { return n / 2 }),
		"a byte":         cut(func(n int64) int64 { return n - 1 }),
		"removed":        func(t *testing.T, path string) { testkit.Must(t, os.Remove(path)) },
		"zeros": func(t *testing.T, path string) {
			st := testkit.Try(os.Stat(path))(t)
			testkit.Must(t, os.WriteFile(path, make([]byte, st.Size()), segment.FileMode))
		},
		"another file": func(t *testing.T, path string) {
			testkit.Must(t, os.WriteFile(path, []byte("nothing of ours"), segment.FileMode))
		},
	} {
		for i, where := range []string{"first", "middle", "last"} {
			t.Run(name+", "+where, func(t *testing.T) {
				o, segs := stopped(t, 60, 5)
				log, text := logged()
				o.Logger = log
				hurt(t, segs[i])
				s, q := openOne(t, o)
				got := drainAll(t, q)
				missing := sequence(5, 55)
				for _, n := range got {
					missing = deleteNumber(missing, n)
				}
				recovered, queued, dropped := balance(o.Ledger)
				if lost := eventsOf(missing...); len(missing) == 0 || int(dropped["corrupt"]) != lost || int(recovered) != eventsOf(sequence(5, 55)...) || int(queued) != eventsOf(got...) {
					t.Errorf("%d recovered, %d queued, %v dropped; %d events are missing", recovered, queued, dropped, lost)
				}
				if !strings.Contains(text.String(), "that the last stop has left are missing") || !strings.Contains(text.String(), filepath.Base(segs[i])) {
					t.Errorf("the log says:\n%s", text)
				}
				settleDown(q)
				testkit.Must(t, shut(s))
				text.Reset()
				o.Ledger = ledger.New()
				testkit.Must(t, shut(open(t, o)))
				testkit.Lacks(t, "it is logged again", text.String(), "missing")
			})
		}
	}
}

func deleteNumber(all []int, n int) []int {
	for i, one := range all {
		if one == n {
			return append(all[:i:i], all[i+1:]...)
		}
	}
	return all
}

// Nothing is said where nothing is missing: after a kill, with other metadata, of a file
// that bears another number, of what was delivered.
func TestNothingIsMissing(t *testing.T) {
	for name, change := range map[string]func(t *testing.T, o *Options, segs []string){
		"nothing": func(*testing.T, *Options, []string) {},
		"kill": func(t *testing.T, o *Options, segs []string) {
			s := open(t, *o)
			drain(t, s.Shards()[0], 30)
			settleDown(s.Shards()[0])
			at := copyQueue(t, o.Path)
			testkit.Must(t, shut(s))
			o.Path = at
		},
		"kill in the start": func(t *testing.T, o *Options, segs []string) {
			s := open(t, *o)
			at := copyQueue(t, o.Path)
			drainAll(t, s.Shards()[0])
			testkit.Must(t, shut(s))
			o.Path = at
		},
		"another number": func(t *testing.T, o *Options, segs []string) {
			last := segs[len(segs)-1]
			testkit.Must(t, os.Rename(last, filepath.Join(filepath.Dir(last), segment.Name(17))))
		},
		"given up by diskqueue": func(t *testing.T, o *Options, segs []string) {
			testkit.Must(t, os.Rename(segs[1], segs[1]+segment.BadSuffix))
		},
		"an older version ran": func(t *testing.T, o *Options, segs []string) {
			path := filepath.Join(o.Path, "shard-00", segment.StopName)
			old := testkit.Try(os.ReadFile(path))(t)
			s := open(t, *o)
			drain(t, s.Shards()[0], 40)
			testkit.Must(t, shut(s))
			testkit.Must(t, os.WriteFile(path, old, segment.FileMode)) // it leaves the file alone
		},
		"all was delivered": func(t *testing.T, o *Options, segs []string) {
			s := open(t, *o)
			drainAll(t, s.Shards()[0])
			settleDown(s.Shards()[0])
			testkit.Must(t, shut(s))
		},
	} {
		t.Run(name, func(t *testing.T) {
			o, segs := stopped(t, 60, 5)
			change(t, &o, segs)
			log, text := logged()
			o.Logger, o.Ledger = log, ledger.New()
			s := open(t, o)
			recovered, queued, dropped := balance(o.Ledger)
			if len(dropped) != 0 || int64(recovered) != queued || strings.Contains(text.String(), "missing;") || strings.Contains(text.String(), "are missing") {
				t.Errorf("%d recovered, %d queued, %v dropped:\n%s", recovered, queued, dropped, text)
			}
			if _, err := os.Stat(filepath.Join(o.Path, "shard-00", segment.StopName)); err == nil {
				t.Error("the stop state is still there")
			}
			testkit.Must(t, shut(s))
		})
	}
}

func FuzzReadStop(f *testing.F) {
	f.Add([]byte(`{"meta":"0\n0,0\n0,0\n","segments":[{"segment":3,"size":9,"first":1,"last":2,"records":2,"events":{"linux":5}}]}`))
	f.Add([]byte(`{"meta":"0\n0,0\n0,0\n","segments":[{"segment":-3,"records":-2,"events":{"linux":-5}},{}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		dir := fastDir(t)
		o := options(dir)
		o.Logger = quiet()
		testkit.Must(t, os.Mkdir(filepath.Join(dir, "shard-00"), segment.DirMode))
		testkit.Must(t, os.WriteFile(filepath.Join(dir, "shard-00", segment.MetaName), segment.Meta{}.Encode(), segment.FileMode))
		testkit.Must(t, os.WriteFile(filepath.Join(dir, "shard-00", segment.StopName), data, segment.FileMode))
		s := open(t, o)
		for _, a := range o.Ledger.Accounts() {
			if b := a.Balance(); b.Queued != 0 {
				t.Fatalf("%+v", b)
			}
		}
		testkit.Must(t, shut(s))
	})
}
