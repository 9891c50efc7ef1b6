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
)

// certificateRow has a certificate that has run out, and is renewed.
func certificateRow() Row {
	var shown atomic.Pointer[tls.Certificate]
	return on("hec certificate runs out, then a new one", func(*Options) layout {
		return layout{numbers: fewMessages, hec: ", tls: {ca_file: DIR/ca.pem}",
			endpoints: []hectest.Options{{Certificate: shown.Load}}}
	}, func(ctx context.Context, r *rig) error {
		authority, err := testkit.NewAuthority()
		if err != nil {
			return err
		}
		show := func(end time.Duration) error {
			c, err := authority.Issue(time.Now().Add(end))
			shown.Store(c)
			return err
		}
		if err := os.WriteFile(filepath.Join(r.dir, "ca.pem"), authority.PEM(), 0o600); err != nil {
			return fmt.Errorf("write the authority's certificate: %w", err)
		}
		if err := show(-time.Hour); err != nil {
			return err
		}
		if err := r.start(ctx); err != nil {
			return err
		}
		if err := r.sendAll(ctx, fewMessages, false); err != nil {
			return err
		}
		if err := r.kept(ctx, true); err != nil {
			return err
		}
		if r.gw.Logged("certificate is not accepted") == 0 {
			r.res.problem("the log does not name the certificate")
		}
		if err := show(time.Hour); err != nil {
			return err
		}
		err = r.settle(ctx, fewMessages, rowLimit)
		r.strict()
		return err
	})
}
