package queue

import (
	"context"
	"errors"
	"time"
)

// The pauses between attempts to read what could not be read.
const (
	minReadPause = 50 * time.Millisecond
	maxReadPause = 2 * time.Second
)

// insist does something that reads until it works, for about five seconds: what start-up
// must know to begin at all. It returns the last error, or that of ctx.
func insist(ctx context.Context, do func() error) error {
	for wait := minReadPause; ; wait = min(2*wait, maxReadPause) {
		err := do()
		if err == nil {
			return nil
		}
		t := time.NewTimer(wait)
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			return errors.Join(err, ctx.Err())
		}
		if wait == maxReadPause {
			return do()
		}
	}
}
