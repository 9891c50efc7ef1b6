//go:build !purego

package event

import (
	"slices"

	"golang.org/x/sys/cpu"
)

// copyPlainAVX2 copies src[:n] to dst[:n] up to the first byte that needs an escape or is not
// ASCII, and returns how many bytes come before it, n if there is none. Behind them it may
// have copied up to 31 more. n is 32 or more.
//
//go:noescape
func copyPlainAVX2(dst, src *byte, n int) int

// appendPlain appends the front of s that is ASCII and needs no escape, and returns its
// length.
func appendPlain(dst, s []byte) ([]byte, int) {
	if len(s) < 32 || !cpu.X86.HasAVX2 {
		return appendPlainWords(dst, s)
	}
	dst = slices.Grow(dst, len(s))
	n := copyPlainAVX2(&dst[:len(dst)+1][len(dst)], &s[0], len(s))
	return dst[:len(dst)+n], n
}
