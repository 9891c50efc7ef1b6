//go:build !purego

#include "textflag.h"

// An LF.
DATA lf<>+0(SB)/1, $0x0a
GLOBL lf<>(SB), RODATA|NOPTR, $1

// func indexTrailerAVX2(p *byte, n int) int
//
// AX is the offset of the block of 32 bytes, the last of which ends with p and may overlap
// the one before.
TEXT ·indexTrailerAVX2(SB), NOSPLIT, $0-24
	MOVQ p+0(FP), SI
	MOVQ n+8(FP), CX
	SUBQ $32, CX // the offset of the last block
	XORQ AX, AX
	VPBROADCASTB lf<>(SB), Y1
	VPXOR Y2, Y2, Y2

block:
	VMOVDQU   (SI)(AX*1), Y0
	VPCMPEQB  Y0, Y1, Y3
	VPCMPEQB  Y0, Y2, Y4
	VPOR      Y3, Y4, Y4
	VPMOVMSKB Y4, DX
	TESTL     DX, DX
	JNZ       found
	CMPQ      AX, CX
	JEQ       none
	ADDQ      $32, AX
	CMPQ      AX, CX
	CMOVQGT   CX, AX
	JMP       block

found:
	BSFL DX, DX
	ADDQ DX, AX
	VZEROUPPER
	MOVQ AX, ret+16(FP)
	RET

none:
	VZEROUPPER
	MOVQ $-1, ret+16(FP)
	RET
