//go:build !amd64 || purego

package event

// appendPlain appends the front of s that is ASCII and needs no escape, and returns its
// length.
func appendPlain(dst, s []byte) ([]byte, int) { return appendPlainWords(dst, s) }
