//go:build race

package main

// The race detector slows everything down, and its memory is several times as large.
const (
	paced  = 3000
	slower = 8
)
