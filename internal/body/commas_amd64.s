//go:build !purego

#include "textflag.h"

// A comma and a quote.
DATA comma<>+0(SB)/1, $0x2c
GLOBL comma<>(SB), RODATA|NOPTR, $1
DATA quote<>+0(SB)/1, $0x22
GLOBL quote<>(SB), RODATA|NOPTR, $1

// func skipCommasAVX2(p *byte, n, need int) (skipped, commas int)
//
// AX is the offset of the block of 32 bytes, BX counts the commas before it.
TEXT ·skipCommasAVX2(SB), NOSPLIT, $0-40
	MOVQ p+0(FP), SI
	MOVQ n+8(FP), CX
	MOVQ need+16(FP), R8
	SUBQ $32, CX // the offset of the last whole block
	XORQ AX, AX
	XORQ BX, BX
	VPBROADCASTB comma<>(SB), Y1
	VPBROADCASTB quote<>(SB), Y2

block:
	CMPQ      AX, CX
	JGT       done
	VMOVDQU   (SI)(AX*1), Y0
	VPCMPEQB  Y0, Y1, Y3
	VPCMPEQB  Y0, Y2, Y4
	VPMOVMSKB Y4, DX
	TESTL     DX, DX
	JNZ       done
	VPMOVMSKB Y3, DX
	POPCNTL   DX, DX
	ADDQ      BX, DX
	CMPQ      DX, R8
	JGE       done
	MOVQ      DX, BX
	ADDQ      $32, AX
	JMP       block

done:
	VZEROUPPER
	MOVQ AX, skipped+24(FP)
	MOVQ BX, commas+32(FP)
	RET
