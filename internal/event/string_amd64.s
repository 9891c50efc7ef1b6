//go:build !purego

#include "textflag.h"

// The largest control character, a quote and a backslash.
DATA control<>+0(SB)/1, $0x1f
GLOBL control<>(SB), RODATA|NOPTR, $1
DATA quote<>+0(SB)/1, $0x22
GLOBL quote<>(SB), RODATA|NOPTR, $1
DATA backslash<>+0(SB)/1, $0x5c
GLOBL backslash<>(SB), RODATA|NOPTR, $1

// func copyEscapedAVX2(dst, src *byte, n, escapes int) (read, written int)
//
// SI and DI are where to read and to write, R8 is the end of the source. A block of 32 bytes
// is copied as a whole, and what is behind its first special byte is copied again.
TEXT ·copyEscapedAVX2(SB), NOSPLIT, $0-48
	MOVQ dst+0(FP), DI
	MOVQ src+8(FP), SI
	MOVQ n+16(FP), R8
	MOVQ escapes+24(FP), R9
	ADDQ SI, R8
	VPBROADCASTB control<>(SB), Y1
	VPBROADCASTB quote<>(SB), Y2
	VPBROADCASTB backslash<>(SB), Y3

block:
	MOVQ      R8, CX
	SUBQ      SI, CX // what is left
	JLE       done
	VMOVDQU   (SI), Y0
	VMOVDQU   Y0, (DI)
	VPMINUB   Y0, Y1, Y4
	VPCMPEQB  Y0, Y4, Y4 // at most 0x1f
	VPCMPEQB  Y0, Y2, Y5
	VPCMPEQB  Y0, Y3, Y6
	VPOR      Y4, Y5, Y5
	VPOR      Y0, Y6, Y6 // the highest bit is set where it is not ASCII
	VPOR      Y5, Y6, Y6
	VPMOVMSKB Y6, DX
	TESTL     DX, DX
	JNZ       special
	CMPQ      CX, $32
	JLT       last
	ADDQ      $32, SI
	ADDQ      $32, DI
	JMP       block

last:
	ADDQ CX, SI
	ADDQ CX, DI
	JMP  done

special:
	BSFL DX, DX
	CMPQ DX, CX
	JGE  last // behind the end
	ADDQ DX, SI
	ADDQ DX, DI
	MOVBLZX (SI), AX
	CMPL AX, $0x80
	JGE  done
	CMPL AX, $0x20
	JGE  escape // a quote or a backslash stands for itself
	CMPL AX, $9
	JNE  done
	MOVL $0x74, AX // 't'

escape:
	TESTQ R9, R9
	JEQ   done
	DECQ  R9
	SHLL  $8, AX
	ORL   $0x5c, AX
	MOVW  AX, (DI)
	INCQ  SI
	ADDQ  $2, DI
	JMP   block

done:
	VZEROUPPER
	SUBQ src+8(FP), SI
	SUBQ dst+0(FP), DI
	MOVQ SI, read+32(FP)
	MOVQ DI, written+40(FP)
	RET
