package backend

import (
	"context"

	"syslog-gateway/internal/infra/amazon"
	"syslog-gateway/internal/infra/state"
	"syslog-gateway/internal/infra/state/shared"
)

// Shared says that there is anything to share: the record, or the lock.
func (b *Backend) Shared() bool { return b.lock != nil }

// Ready makes sure that credentials last for a run.
func (b *Backend) Ready(ctx context.Context) error { return b.lock.Ready(ctx) }

// Try makes sure that a run can use the record and the lock that are shared: it does beside
// them what a run does, and deletes that again.
func (b *Backend) Try(ctx context.Context) []shared.Tried {
	var all []shared.Tried
	if b.s3 != nil {
		all = append(all, b.s3.Try(ctx))
	}
	return append(all, b.lock.Try(ctx)...)
}

// Rights are those that the shared state needs. Like Ready, Try and Holders it is for a
// state that is shared.
func (b *Backend) Rights() []amazon.Right {
	all := []amazon.Right{b.bucket.Right("", "s3:ListBucket")}
	if b.s3 != nil {
		all = append(all, b.s3.Rights()...)
	}
	return append(append(all, b.lock.Rights()...), b.bucket.KeyRights()...)
}

// Holders gives who has the shared lock.
func (b *Backend) Holders(ctx context.Context) ([]state.StateLock, error) {
	return b.lock.Holders(ctx)
}
