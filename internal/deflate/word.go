//go:build (amd64 || arm64) && !purego

package deflate

import "unsafe"

// load32 reads b[i:i+4], little-endian. The caller ensures that it is within b.
func load32(b []byte, i int) uint32 {
	return *(*uint32)(unsafe.Add(unsafe.Pointer(unsafe.SliceData(b)), i))
}

// load64 reads b[i:i+8], little-endian. The caller ensures that it is within b.
func load64(b []byte, i int) uint64 {
	return *(*uint64)(unsafe.Add(unsafe.Pointer(unsafe.SliceData(b)), i))
}

// store64 writes b[i:i+8], little-endian. The caller ensures that it is within b.
func store64(b []byte, i int, v uint64) {
	*(*uint64)(unsafe.Add(unsafe.Pointer(unsafe.SliceData(b)), i)) = v
}
