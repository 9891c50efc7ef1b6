package faults

import (
	"context"
	"crypto/tls"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"syslog-gateway/internal/hec/hectest"
	"syslog-gateway/internal/testkit"
	"syslog-gateway/internal/testkit/abort"
)

// certificateRow has a certificate that has run out, and is renewed.
func certificateRow() Row {
	var shown atomic.Pointer[tls.Certificate]
	return on("hec certificate runs out, then a new one", func(*Options) layout {
		return layout{numbers: fewMessages, hec: ", tls: {ca_file: DIR/ca.pem}",
			endpoints: []hectest.Options{{Certificate: shown.Load}}}
	}, func(ctx context.Context, r *rig) error {
		authority := abort.Value(testkit.NewAuthority())
		show := func(end time.Duration) error {
			c, err := authority.Issue(time.Now().Add(end))
			shown.Store(c)
			return err
		}
		if err := os.WriteFile(filepath.Join(r.dir, "ca.pem"), authority.PEM(), 0o600); err != nil {
			return fmt.Errorf("write the authority's certificate: %w", err)
		}
		abort.Must(show(-time.Hour))
		abort.Must(r.startAndSend(ctx, fewMessages))
		abort.Must(r.kept(ctx, true))
		r.res.problemIf(r.gw.Logged("certificate is not accepted") == 0, "the log does not name the certificate")
		abort.Must(show(time.Hour))
		return r.settleStrictly(ctx, fewMessages, rowLimit)
	})
}
