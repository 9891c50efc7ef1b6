package queue

import (
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"syslog-gateway/internal/throttle"
)

// faults are the present disk errors of a shard and their counts. They are safe for
// concurrent use.
type faults struct {
	write fault // to begin a segment, to append to it, or to end that fault
	sync  fault
	read  fault // a record, a header, or a segment at the start
}

// newFaults returns the faults of a shard. onEnd is called when a fault has ended.
func newFaults(name string, log *slog.Logger, onEnd func()) *faults {
	writing := &alarm{log: log, ended: "queue can be written again",
		began: "queue cannot be written; it is tried again until it works"}
	reading := &alarm{log: log, ended: "queue can be read again",
		began: "queue cannot be read; nothing is given up, it is tried again until it works. " +
			"Check the kernel log; if the disk stays bad, use gateway queue skip"}
	return &faults{
		write: fault{shard: name, alarm: writing, onEnd: onEnd},
		sync:  fault{shard: name, alarm: writing, onEnd: onEnd},
		read:  fault{shard: name, alarm: reading, onEnd: onEnd},
	}
}

// writing says why the shard cannot be written, or nil.
func (f *faults) writing() error {
	if err := f.write.err(); err != nil {
		return err
	}
	return f.sync.err()
}

// forget ends the faults of writing without a log line: the shard is gone.
func (f *faults) forget() {
	f.write.now.Store(nil)
	f.sync.now.Store(nil)
}

// fault is one thing that the disk refuses.
type fault struct {
	shard string
	alarm *alarm
	onEnd func()
	now   atomic.Pointer[error]
	times atomic.Uint64 // since Open
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
		f.onEnd()
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
