//go:build !purego

#include "textflag.h"

// Sixteen times each of what is looked for.
DATA quotes<>+0(SB)/8, $0x2222222222222222
DATA quotes<>+8(SB)/8, $0x2222222222222222
GLOBL quotes<>(SB), RODATA|NOPTR, $16
DATA slashes<>+0(SB)/8, $0x2F2F2F2F2F2F2F2F
DATA slashes<>+8(SB)/8, $0x2F2F2F2F2F2F2F2F
GLOBL slashes<>(SB), RODATA|NOPTR, $16
DATA backslashes<>+0(SB)/8, $0x5C5C5C5C5C5C5C5C
DATA backslashes<>+8(SB)/8, $0x5C5C5C5C5C5C5C5C
GLOBL backslashes<>(SB), RODATA|NOPTR, $16
DATA spaces<>+0(SB)/8, $0x2020202020202020
DATA spaces<>+8(SB)/8, $0x2020202020202020
GLOBL spaces<>(SB), RODATA|NOPTR, $16

// FIND sets the lowest sixteen bits of AX to which of the bytes in X0 take a backslash.
#define FIND \
	MOVO X8, X1 \
	PCMPEQB X0, X1 \
	MOVO X9, X2 \
	PCMPEQB X0, X2 \
	MOVO X10, X3 \
	PCMPEQB X0, X3 \
	POR X2, X1 \
	POR X3, X1 \
	PMOVMSKB X1, AX

// PUT writes the bytes in X0, with a backslash before those that AX has, to DI, and leaves the number of backslashes in DX.
// Each half is shuffled by itself, with eight backslashes behind it to insert from.
#define PUT \
	MOVO X0, X1 \
	PUNPCKLQDQ X10, X0 \
	PUNPCKHQDQ X10, X1 \
	MOVBLZX AX, BX \
	SHRL $8, AX \
	POPCNTL BX, DX \
	POPCNTL AX, R9 \
	SHLL $4, BX \
	SHLL $4, AX \
	MOVOU (R8)(BX*1), X2 \
	MOVOU (R8)(AX*1), X3 \
	PSHUFB X2, X0 \
	PSHUFB X3, X1 \
	MOVOU X0, (DI) \
	MOVOU X1, 8(DI)(DX*1) \
	ADDQ R9, DX

// func putVectors(out, src []byte, table *[1 << 8][16]byte) (end, done int)
TEXT ·putVectors(SB), NOSPLIT, $0-72
	MOVQ out_base+0(FP), DI
	MOVQ src_base+24(FP), SI
	MOVQ src_len+32(FP), R12
	MOVQ table+48(FP), R8
	MOVOU quotes<>(SB), X8
	MOVOU slashes<>(SB), X9
	MOVOU backslashes<>(SB), X10
	MOVOU spaces<>(SB), X11
	MOVQ DI, R10
	MOVQ SI, R11
	SUBQ $16, R12
	JLT  return

loop:
	MOVOU (SI), X0
	// Bytes above ASCII are negative, and so below a space with the control characters.
	MOVO X11, X1
	PCMPGTB X0, X1
	PMOVMSKB X1, CX
	TESTL CX, CX
	JNZ stop
	FIND
	PUT
	LEAQ 16(DI)(DX*1), DI
	ADDQ $16, SI
	SUBQ $16, R12
	JGE loop
	JMP return

stop:
	// Only what comes before the first of CX counts.
	BSFL CX, CX
	FIND
	MOVL $1, BX
	SHLL CX, BX
	DECL BX
	ANDL BX, AX
	PUT
	ADDQ CX, SI
	ADDQ CX, DI
	ADDQ DX, DI

return:
	SUBQ R10, DI
	SUBQ R11, SI
	MOVQ DI, end+56(FP)
	MOVQ SI, done+64(FP)
	RET

// func hasSSSE3AndPOPCNT() bool
TEXT ·hasSSSE3AndPOPCNT(SB), NOSPLIT, $0-1
	MOVL $1, AX
	XORL CX, CX
	CPUID
	ANDL $(1<<9 | 1<<23), CX
	CMPL CX, $(1<<9 | 1<<23)
	SETEQ ret+0(FP)
	RET
