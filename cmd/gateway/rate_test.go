//go:build !race

package main

const (
	// paced is how many datagrams a second a test sends to a gateway that has to keep up.
	paced = 20000
	// slower is how many times longer, and larger, everything may be.
	slower = 1
)
