//go:build !nightly

package main

import "time"

// The load of the test of rules.
const (
	ruledTime = 5 * time.Second
	ruledRate = paced / 4 // messages a second
)
