package proxyproto

import (
	"encoding/binary"
	"hash/crc32"
	"net/netip"
)

const (
	beginV2 = "\r\n\r\n\x00\r\nQUIT\n"
	// fixedV2 is the length in bytes of what every header of version 2 has: beginV2, version
	// and command, family and protocol, and the length of the rest.
	fixedV2 = len(beginV2) + 4

	commandLocal = 0x20
	commandProxy = 0x21

	typeCRC32C = 0x03 // PP2_TYPE_CRC32C
)

// parseV2 reads a header of version 2 (section 2.2).
func parseV2(p []byte) (client netip.Addr, n int, err error) {
	if len(p) < fixedV2 {
		if len(p) > len(beginV2) && p[12] != commandLocal && p[12] != commandProxy {
			return client, 0, errVersion
		}
		return client, 0, nil
	}
	local, rest := p[12] == commandLocal, int(binary.BigEndian.Uint16(p[14:]))
	n = fixedV2 + rest
	size, known := addressSize(p[13])
	switch {
	case !local && p[12] != commandProxy:
		return client, 0, errVersion
	case n > MaxLength:
		return client, 0, errTooLong
	case local: // the rest is to be skipped, whatever it is
	case !known:
		return client, 0, errFamily
	case rest < size:
		return client, 0, errTooShort
	}
	if len(p) < n {
		return client, 0, nil
	}
	if local || size == 0 {
		return client, n, nil
	}
	if err := checkTLVs(p[:n], fixedV2+size); err != nil {
		return client, 0, err
	}
	switch a := p[fixedV2:]; size {
	case sizeIPv4:
		client = netip.AddrFrom4([4]byte(a))
	case sizeIPv6:
		client = netip.AddrFrom16([16]byte(a)).Unmap()
	}
	return client, n, nil
}

// Lengths in bytes of source, destination and their ports.
const (
	sizeIPv4 = 2*4 + 2*2
	sizeIPv6 = 2*16 + 2*2
	sizeUnix = 2 * 108
)

// addressSize is how many bytes the addresses of a family and protocol take; known is false
// for those that the specification does not define.
func addressSize(family byte) (size int, known bool) {
	switch family {
	case 0x00: // AF_UNSPEC
		return 0, true
	case 0x11, 0x12: // AF_INET with STREAM, DGRAM
		return sizeIPv4, true
	case 0x21, 0x22: // AF_INET6
		return sizeIPv6, true
	case 0x31, 0x32: // AF_UNIX
		return sizeUnix, true
	}
	return 0, false
}

// checkTLVs checks that the TLVs (section 2.2.7: type, length of 2 bytes, value) from an
// offset on fill the header, and its checksum if there is one. What else they say is not
// needed.
func checkTLVs(header []byte, from int) error {
	for at := from; at < len(header); {
		if len(header)-at < 3 {
			return errTLV
		}
		value := at + 3
		next := value + int(binary.BigEndian.Uint16(header[at+1:]))
		if next > len(header) {
			return errTLV
		}
		if header[at] == typeCRC32C && (next != value+crc32.Size || binary.BigEndian.Uint32(header[value:]) != checksum(header, value)) {
			return errCorrupted
		}
		at = next
	}
	return nil
}

// checksum is the CRC32C of a header whose checksum, of 4 bytes, is at an offset: it counts
// as zeros (section 2.2.3).
func checksum(header []byte, at int) uint32 {
	table := crc32.MakeTable(crc32.Castagnoli)
	sum := crc32.Update(0, table, header[:at])
	sum = ^sum
	for range crc32.Size { // a zero each
		sum = table[byte(sum)] ^ sum>>8
	}
	sum = ^sum
	return crc32.Update(sum, table, header[at+crc32.Size:])
}
