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

// SPECIAL sets the lowest sixteen bits of mask to which of the bytes at offset are special. Bytes above ASCII are
// negative, and so below a space with the control characters.
#define SPECIAL(offset, mask) \
	MOVOU offset(SI), X0 \
	MOVO X8, X1 \
	PCMPEQB X0, X1 \
	MOVO X9, X2 \
	PCMPEQB X0, X2 \
	MOVO X10, X3 \
	PCMPEQB X0, X3 \
	MOVO X11, X4 \
	PCMPGTB X0, X4 \
	POR X2, X1 \
	POR X4, X3 \
	POR X3, X1 \
	PMOVMSKB X1, mask

// func special(b *[blockSize]byte) uint64
TEXT ·special(SB), NOSPLIT, $0-16
	MOVQ b+0(FP), SI
	MOVOU quotes<>(SB), X8
	MOVOU slashes<>(SB), X9
	MOVOU backslashes<>(SB), X10
	MOVOU spaces<>(SB), X11
	SPECIAL(0, AX)
	SPECIAL(16, BX)
	SPECIAL(32, CX)
	SPECIAL(48, DX)
	SHLQ $16, BX
	SHLQ $32, CX
	SHLQ $48, DX
	ORQ BX, AX
	ORQ CX, AX
	ORQ DX, AX
	MOVQ AX, ret+8(FP)
	RET
