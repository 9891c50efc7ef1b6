package queue

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"

	"syslog-gateway/internal/queue/recovery"
)

// Restore puts back the records in the corrupt folder of a stopped gateway that are whole,
// as a start of the gateway does. It also repairs the queue like a start.
func Restore(ctx context.Context, path string, log *slog.Logger) (Restored, error) {
	if err := recovery.Stopped(ctx, path, func([]*recovery.Shard) error { return nil }); err != nil {
		return Restored{}, err
	}
	shards := 1
	for i := range maxShards {
		if _, err := os.Stat(filepath.Join(path, recovery.ShardName(i))); err == nil {
			shards = i + 1
		}
	}
	s, err := New(Options{Path: path, Shards: shards, MaxSize: 1 << 50, SegmentSize: restoreSegment, Logger: log})
	if err != nil {
		return Restored{}, err
	}
	if err := s.Open(ctx); err != nil {
		return Restored{}, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ran := make(chan error, 1)
	go func() { ran <- s.Run(ctx) }()
	select {
	case <-s.restorer.ended:
	case <-ctx.Done():
	}
	interrupted := ctx.Err()
	cancel()
	err = errors.Join(<-ran, s.Close(context.WithoutCancel(ctx)), interrupted)
	return s.restorer.result, err
}

// restoreSegment is the size of the segments that Restore makes.
const restoreSegment = 64 << 20
