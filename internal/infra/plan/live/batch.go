package live

import (
	"context"
	"fmt"
	"net/url"
	"sync"

	"golang.org/x/sync/errgroup"
)

// API is what is read with; *pve.Client has it. out is decoded from the answer's data.
type API interface {
	Get(ctx context.Context, path string, query url.Values, out any) error
}

// batch reads many things in parallel, with a bound.
type batch struct {
	api   API
	group *errgroup.Group
	mu    sync.Mutex // of what the reads fill
}

// all lets fill ask for reads and waits for them. parallel 0 is 8.
func all(ctx context.Context, api API, parallel int, fill func(context.Context, *batch)) error {
	if parallel <= 0 {
		parallel = 8
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(parallel)
	fill(ctx, &batch{api: api, group: group})
	return group.Wait()
}

// get reads path into out, and then calls use under the lock. use is optional.
func (b *batch) get(ctx context.Context, path string, out any, use func()) {
	b.group.Go(func() error {
		if err := b.api.Get(ctx, path, nil, out); err != nil {
			return fmt.Errorf("read %s: %w", path, err)
		}
		if use != nil {
			b.mu.Lock()
			defer b.mu.Unlock()
			use()
		}
		return nil
	})
}
