//go:build !amd64 || purego

package syslog

// trailer returns the index of the first LF or NUL, or -1.
func trailer(p []byte) int { return trailerByBytes(p) }
