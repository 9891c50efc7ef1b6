package wiring

import (
	"fmt"

	"syslog-gateway/internal/config"
	"syslog-gateway/internal/hec"
	"syslog-gateway/internal/hec/endpoints"
)

// HEC returns the options of the HEC client, without store, ledger and log.
func HEC(c config.Config, token string) (hec.Options, error) {
	tls, err := c.HEC.TLS.Config()
	if err != nil {
		return hec.Options{}, fmt.Errorf("hec.tls: %w", err)
	}
	return hec.Options{
		Settings: hec.Settings{
			Endpoints:     c.HEC.Endpoints,
			Token:         token,
			FallbackIndex: c.HEC.FallbackIndex,
			Timeout:       c.HEC.Timeout,
			Retry:         endpoints.Backoff{Initial: c.HEC.Retry.Initial, Max: c.HEC.Retry.Max},
		},
		InFlight:       c.HEC.InFlight,
		TLS:            tls,
		HealthInterval: c.HEC.HealthInterval,
		Ack: hec.AckOptions{
			Enabled: c.HEC.Ack.Enabled, PollInterval: c.HEC.Ack.PollInterval, Timeout: c.HEC.Ack.Timeout,
		},
	}, nil
}
