//go:build !amd64 || purego

package event

// appendEasy appends the front of s, with its escapes, and returns its length. It may be
// followed by any byte.
func appendEasy(dst, s []byte) ([]byte, int) { return appendPlain(dst, s) }
