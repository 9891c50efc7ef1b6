//go:build nightly

package main

import "time"

// The load of the test of rules.
const (
	ruledTime = time.Minute
	ruledRate = 50000 // messages a second
)
