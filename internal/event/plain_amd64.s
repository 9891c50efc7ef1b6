//go:build !purego

#include "textflag.h"

// The largest control character, a quote and a backslash, 32 times each.
DATA control<>+0(SB)/8, $0x1f1f1f1f1f1f1f1f
DATA control<>+8(SB)/8, $0x1f1f1f1f1f1f1f1f
DATA control<>+16(SB)/8, $0x1f1f1f1f1f1f1f1f
DATA control<>+24(SB)/8, $0x1f1f1f1f1f1f1f1f
GLOBL control<>(SB), RODATA|NOPTR, $32
DATA quote<>+0(SB)/8, $0x2222222222222222
DATA quote<>+8(SB)/8, $0x2222222222222222
DATA quote<>+16(SB)/8, $0x2222222222222222
DATA quote<>+24(SB)/8, $0x2222222222222222
GLOBL quote<>(SB), RODATA|NOPTR, $32
DATA backslash<>+0(SB)/8, $0x5c5c5c5c5c5c5c5c
DATA backslash<>+8(SB)/8, $0x5c5c5c5c5c5c5c5c
DATA backslash<>+16(SB)/8, $0x5c5c5c5c5c5c5c5c
DATA backslash<>+24(SB)/8, $0x5c5c5c5c5c5c5c5c
GLOBL backslash<>(SB), RODATA|NOPTR, $32

// func copyPlainAVX2(dst, src *byte, n int) int
//
// AX is the offset of the block of 32 bytes, the last of which ends with src and may overlap
// the one before.
TEXT ·copyPlainAVX2(SB), NOSPLIT, $0-32
	MOVQ dst+0(FP), DI
	MOVQ src+8(FP), SI
	MOVQ n+16(FP), CX
	SUBQ $32, CX // the offset of the last block
	XORQ AX, AX
	VMOVDQU control<>(SB), Y1
	VMOVDQU quote<>(SB), Y2
	VMOVDQU backslash<>(SB), Y3

block:
	VMOVDQU   (SI)(AX*1), Y0
	VMOVDQU   Y0, (DI)(AX*1)
	VPMINUB   Y0, Y1, Y4
	VPCMPEQB  Y0, Y4, Y4 // at most 0x1f
	VPCMPEQB  Y0, Y2, Y5
	VPCMPEQB  Y0, Y3, Y6
	VPOR      Y4, Y5, Y5
	VPOR      Y0, Y6, Y6 // the highest bit is set where it is not ASCII
	VPOR      Y5, Y6, Y6
	VPMOVMSKB Y6, DX
	TESTL     DX, DX
	JNZ       found
	CMPQ      AX, CX
	JEQ       all
	ADDQ      $32, AX
	CMPQ      AX, CX
	CMOVQGT   CX, AX
	JMP       block

found:
	BSFL DX, DX
	ADDQ DX, AX
	VZEROUPPER
	MOVQ AX, ret+24(FP)
	RET

all:
	ADDQ $32, AX
	VZEROUPPER
	MOVQ AX, ret+24(FP)
	RET
