//go:build !purego

package syslog

import "golang.org/x/sys/cpu"

// indexTrailerAVX2 is trailer for n bytes, 32 or more.
//
//go:noescape
func indexTrailerAVX2(p *byte, n int) int

// trailer returns the index of the first LF or NUL, or -1.
func trailer(p []byte) int {
	if len(p) < 32 || !cpu.X86.HasAVX2 {
		return trailerByBytes(p)
	}
	return indexTrailerAVX2(&p[0], len(p))
}
