//go:build !purego

package event

import (
	"slices"

	"golang.org/x/sys/cpu"
)

// copyEscapedAVX2 copies n bytes of src to dst as AppendString does, up to the first byte that
// is not ASCII, a control character other than the tab, or what needs more than the given
// number of escapes. It reads up to 31 bytes behind the end of src, and writes up to 31 bytes
// behind what it has written.
//
//go:noescape
func copyEscapedAVX2(dst, src *byte, n, escapes int) (read, written int)

// someEscapes is for how many escapes there is room at a time.
const someEscapes = 64

// appendEasy appends the front of s, with its escapes, and returns its length. It may be
// followed by any byte.
func appendEasy(dst, s []byte) ([]byte, int) {
	n := len(s)
	if cap(s)-n < 31 { // do not read behind it
		n -= 31
	}
	if n <= 0 || !cpu.X86.HasAVX2 {
		return appendPlain(dst, s)
	}
	dst = slices.Grow(dst, n+someEscapes+32)
	read, written := copyEscapedAVX2(&dst[:len(dst)+1][len(dst)], &s[0], n, someEscapes)
	if read == 0 {
		return appendPlain(dst, s)
	}
	return dst[:len(dst)+written], read
}
