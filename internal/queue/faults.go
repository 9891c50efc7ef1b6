package queue

import (
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"syslog-gateway/internal/throttle"
)

// faults are what the disk refuses to a shard now, and how often it has refused. They
// are safe for concurrent use.
type faults struct {
	write fault // to begin a segment, to append to it, or to end that fault
	sync  fault
	read  fault // a record, a header, or a segment at the start
}

// newFaults returns the faults of a shard. mended is called when one has ended.
func newFaults(name string, log *slog.Logger, mended func()) *faults {
	writing := &alarm{log: log, ended: "queue can be written again",
		began: "queue cannot be written; it is tried again until it works"}
	reading := &alarm{log: log, ended: "queue can be read again",
		began: "queue cannot be read; nothing is given up, it is tried again until it works. " +
			"Look at the kernel's log; for a disk that stays bad there is gateway queue skip"}
	return &faults{
		write: fault{shard: name, alarm: writing, mended: mended},
		sync:  fault{shard: name, alarm: writing, mended: mended},
		read:  fault{shard: name, alarm: reading, mended: mended},
	}
}

// writing says why the shard cannot be written, or nil.
func (f *faults) writing() error {
	if err := f.write.err(); err != nil {
		return err
	}
	return f.sync.err()
}

// forget ends the faults of writing without a word: the shard is gone.
func (f *faults) forget() {
	f.write.now.Store(nil)
	f.sync.now.Store(nil)
}

// fault is one thing that the disk refuses.
type fault struct {
	shard  string
	alarm  *alarm
	mended func()
	now    atomic.Pointer[error]
	times  atomic.Uint64 // since Open
}

// err says why the disk refuses it now, or nil.
func (f *fault) err() error {
	if p := f.now.Load(); p != nil {
		return *p
	}
	return nil
}

// set makes an error visible, and logs it if it is new. It returns the error with the
// name of the shard.
func (f *fault) set(err error) error {
	f.times.Add(1)
	err = fmt.Errorf("queue %s: %w", f.shard, err)
	if f.now.Swap(&err) == nil {
		f.alarm.begin(err)
	}
	return err
}

// clear ends the fault, if there is one.
func (f *fault) clear() {
	if f.now.Swap(nil) != nil {
		f.mended()
		f.alarm.end()
	}
}

// alarm logs that something fails, and that it works again, each at most once in a period.
type alarm struct {
	log                *slog.Logger
	began, ended       string
	failing, recovered throttle.Throttle
}

func (a *alarm) begin(err error) {
	if n, ok := a.failing.Ready(time.Now(), alarmEvery); ok {
		a.log.Error(a.began, "error", err, "faults_before", n)
	}
}

func (a *alarm) end() {
	if n, ok := a.recovered.Ready(time.Now(), alarmEvery); ok {
		a.log.Info(a.ended, "healed_before", n)
	}
}
