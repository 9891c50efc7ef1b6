package wiring

import (
	"crypto/tls"
	"fmt"

	"syslog-gateway/internal/certificate"
	"syslog-gateway/internal/config"
	"syslog-gateway/internal/hec"
	"syslog-gateway/internal/hec/endpoints"
)

// HEC returns the options of the HEC client, without store, ledger and log. The CAs are
// those that certificates has in force.
func HEC(c config.Config, token string, certificates *certificate.Store) (hec.Options, error) {
	roots, err := certificates.Roots("hec", c.HEC.TLS.CAFile)
	if err != nil {
		return hec.Options{}, fmt.Errorf("hec.tls: %w", err)
	}
	return hec.Options{
		Settings: HECSettings(c, token),
		InFlight: c.HEC.InFlight,
		TLS: &tls.Config{
			MinVersion:         tls.VersionTLS12,
			ServerName:         c.HEC.TLS.ServerName,
			InsecureSkipVerify: c.HEC.TLS.InsecureSkipVerify, // the decision of the user; the reference names the risk
		},
		Roots:          roots,
		HealthInterval: c.HEC.HealthInterval,
		Ack: hec.AckOptions{
			Enabled: c.HEC.Ack.Enabled, PollInterval: c.HEC.Ack.PollInterval, Timeout: c.HEC.Ack.Timeout,
		},
	}, nil
}

// HECSettings returns what of the options of the HEC client may change while it runs.
func HECSettings(c config.Config, token string) hec.Settings {
	return hec.Settings{
		Endpoints:     c.HEC.Endpoints,
		Token:         token,
		FallbackIndex: c.HEC.FallbackIndex,
		Timeout:       c.HEC.Timeout,
		Retry:         endpoints.Backoff{Initial: c.HEC.Retry.Initial, Max: c.HEC.Retry.Max},
	}
}

// ServerTLS returns the TLS configuration of a listener, which follows its files; nil if
// there is no certificate. The use is its label in the metrics.
func ServerTLS(use string, c config.ServerTLS, certificates *certificate.Store) (*tls.Config, error) {
	if !c.On() {
		return nil, nil
	}
	return certificates.Server(use, c.Files(), c.ClientNames, c.MinVersion.Number())
}
