package recovery

import (
	"context"
	"errors"
	"time"
)

// The pauses between attempts to read what could not be read.
const (
	MinPause = 50 * time.Millisecond
	MaxPause = 2 * time.Second
)

// insist tries to read what start-up cannot do without, for about five seconds. It returns
// the last error, or that of ctx.
func insist(ctx context.Context, do func() error) error {
	for wait := MinPause; ; wait = min(2*wait, MaxPause) {
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
		if wait == MaxPause {
			return do()
		}
	}
}
