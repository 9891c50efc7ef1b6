//go:build !purego

package body

import "golang.org/x/sys/cpu"

// skipCommasAVX2 is skipCommas for the blocks of 32 bytes of p[:n].
//
//go:noescape
func skipCommasAVX2(p *byte, n, need int) (skipped, commas int)

// skipCommas returns how many bytes at the front of p can be skipped because they have no
// quote and fewer than need commas, and how many commas they have. It need not find all.
func skipCommas(p []byte, need int) (skipped, commas int) {
	if len(p) < 32 || !cpu.X86.HasAVX2 || !cpu.X86.HasPOPCNT {
		return 0, 0
	}
	return skipCommasAVX2(&p[0], len(p), need)
}
