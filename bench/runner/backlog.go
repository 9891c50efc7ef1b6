package runner

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"syslog-gateway/internal/event"
	"syslog-gateway/internal/queue"
)

const (
	backlogShards = 4
	// backlogRecord is a usual body: 512 KiB of JSON, compressed.
	backlogRecord = 75_000
	backlogEvents = 1_000
)

// fill puts records of random bytes into the queue at path, which no gateway uses yet,
// until they take the given bytes.
func fill(path string, bytes int64) error {
	ctx := context.Background()
	store, err := queue.New(queue.Options{Path: path, Shards: backlogShards, MaxSize: 4 * bytes, SegmentSize: 64 << 20})
	if err == nil {
		err = store.Open(ctx)
	}
	if err != nil {
		return fmt.Errorf("make a backlog: %w", err)
	}
	body := make([]byte, backlogRecord)
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range body {
		body[i] = byte(rng.Uint32())
	}
	rec := event.Record{Source: "linux", Events: backlogEvents, Raw: 512 << 10, Received: time.Now(), Encoding: event.Gzip, Body: body}
	shards := store.Shards()
	for i := int64(0); i*backlogRecord < bytes; i++ {
		if err := shards[i%backlogShards].Append(&rec); err != nil {
			return fmt.Errorf("make a backlog: %w", err)
		}
	}
	if err := store.Close(ctx); err != nil {
		return fmt.Errorf("make a backlog: %w", err)
	}
	return nil
}

// forget takes the files of a queue out of the page cache, as a reboot does.
func forget(path string) error {
	files, err := filepath.Glob(filepath.Join(path, "shard-*", "*.dat"))
	if err != nil {
		return err
	}
	for _, file := range files {
		fd, err := unix.Open(file, unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			return fmt.Errorf("open %s: %w", file, err)
		}
		err = unix.Fadvise(fd, 0, 0, unix.FADV_DONTNEED)
		_ = unix.Close(fd)
		if err != nil {
			return fmt.Errorf("forget %s: %w", file, err)
		}
	}
	return nil
}
