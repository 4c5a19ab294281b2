//go:build !purego

#include "textflag.h"

// A vector of sixteen times the same byte.
#define VECTOR(name, eight) \
	DATA name<>+0(SB)/8, $eight \
	DATA name<>+8(SB)/8, $eight \
	GLOBL name<>(SB), RODATA|NOPTR, $16

VECTOR(low2, 0x0303030303030303)
VECTOR(x08, 0x0808080808080808)
VECTOR(x0C, 0x0C0C0C0C0C0C0C0C)
VECTOR(x0D, 0x0D0D0D0D0D0D0D0D)
VECTOR(low4, 0x0F0F0F0F0F0F0F0F)
VECTOR(lastControl, 0x1F1F1F1F1F1F1F1F)
VECTOR(space, 0x2020202020202020)
VECTOR(quote, 0x2222222222222222)
VECTOR(slash, 0x2F2F2F2F2F2F2F2F)
VECTOR(backslash, 0x5C5C5C5C5C5C5C5C)
VECTOR(high, 0x8080808080808080)
VECTOR(x8F, 0x8F8F8F8F8F8F8F8F)
VECTOR(x9F, 0x9F9F9F9F9F9F9F9F)
VECTOR(xC0, 0xC0C0C0C0C0C0C0C0)
VECTOR(xC2, 0xC2C2C2C2C2C2C2C2)
VECTOR(xE0, 0xE0E0E0E0E0E0E0E0)
VECTOR(xED, 0xEDEDEDEDEDEDEDED)
VECTOR(xF0, 0xF0F0F0F0F0F0F0F0)
VECTOR(xF4, 0xF4F4F4F4F4F4F4F4)
VECTOR(xF5, 0xF5F5F5F5F5F5F5F5)

// All but the last two bytes.
DATA first14<>+0(SB)/8, $0xFFFFFFFFFFFFFFFF
DATA first14<>+8(SB)/8, $0x0000FFFFFFFFFFFF
GLOBL first14<>(SB), RODATA|NOPTR, $16

DATA hex<>+0(SB)/8, $"01234567"
DATA hex<>+8(SB)/8, $"89abcdef"
GLOBL hex<>(SB), RODATA|NOPTR, $16

// ESCAPED sets the lowest sixteen bits of AX to which of the bytes in X0 take a
// backslash.
#define ESCAPED \
	MOVO quote<>(SB), X12 \
	PCMPEQB X0, X12 \
	MOVO slash<>(SB), X13 \
	PCMPEQB X0, X13 \
	MOVO X15, X14 \
	PCMPEQB X0, X14 \
	POR X13, X12 \
	POR X14, X12 \
	PMOVMSKB X12, AX

// ATLEAST sets the bytes of to to whether those of X0 are at least the limit.
#define ATLEAST(limit, to) \
	MOVO limit<>(SB), to \
	PMAXUB X0, to \
	PCMPEQB X0, to

// EITHER sets the bytes of to that X8 has to those of from, which it spoils.
#define EITHER(from, to) \
	PXOR to, from \
	PAND X8, from \
	PXOR from, to

// PUT4 writes four bytes by the digits of them in X, as AX (which are escaped or
// lead) and AX above 16 bits (which continue or lead) have it.
#define PUT4(X) \
	MOVL AX, BX \
	MOVL AX, DX \
	ANDL $0xF, BX \
	SHRL $12, DX \
	ANDL $0xF0, DX \
	ORL DX, BX \
	SHLL $4, BX \
	SHRL $4, AX \
	MOVOU (R9)(BX*1), X12 \
	PSHUFB X12, X \
	PSUBUSB high<>(SB), X12 \
	POR X12, X \
	MOVOU X, (DI) \
	MOVBLZX 15(R9)(BX*1), BX \
	ADDQ BX, DI

// func putVectors(out, src []byte, escapes, kinds *[1 << 8][16]byte) (end, done int)
TEXT ·putVectors(SB), NOSPLIT, $0-80
	MOVQ out_base+0(FP), DI
	MOVQ src_base+24(FP), SI
	MOVQ src_len+32(FP), R12
	MOVQ escapes+48(FP), R8
	MOVQ kinds+56(FP), R9
	MOVO backslash<>(SB), X15
	MOVQ DI, R10
	MOVQ SI, R11
	XORL R13, R13 // Which of the next bytes continue a sequence: 0, 1 or 11 in binary.
	SUBQ $19, R12
	JLT  return

loop:
	MOVOU (SI), X0
	// Bytes above ASCII are negative, and so below a space with the control characters.
	MOVO space<>(SB), X1
	PCMPGTB X0, X1
	PMOVMSKB X1, CX
	TESTL CX, CX
	JNZ mixed

	// Printable ASCII. Each half is shuffled by itself, with eight backslashes behind it to insert from.
	ESCAPED
	MOVO X0, X1
	PUNPCKLQDQ X15, X0
	PUNPCKHQDQ X15, X1
	MOVBLZX AX, BX
	SHRL $8, AX
	POPCNTL BX, DX
	POPCNTL AX, CX
	SHLL $4, BX
	SHLL $4, AX
	MOVOU (R8)(BX*1), X2
	MOVOU (R8)(AX*1), X3
	PSHUFB X2, X0
	PSHUFB X3, X1
	MOVOU X0, (DI)
	MOVOU X1, 8(DI)(DX*1)
	ADDQ DX, CX
	LEAQ 16(DI)(CX*1), DI
	ADDQ $16, SI
	SUBQ $16, R12
	JGE loop
	JMP return

mixed:
	MOVOU 1(SI), X1
	MOVOU 2(SI), X2

	// Which begin a sequence of two bytes (X3) or of three (X4), and which of those are valid.
	ATLEAST(xC2, X3)
	ATLEAST(xE0, X5)
	ATLEAST(xF0, X4)
	MOVO X4, X8
	PANDN X5, X4
	PANDN X3, X5
	MOVO X5, X3
	MOVO xC0<>(SB), X6
	PCMPGTB X1, X6 // The next byte continues.
	MOVO xC0<>(SB), X7
	PCMPGTB X2, X7 // The one after it continues.
	PAND X6, X3
	PAND X6, X4
	PAND X7, X4
	PMOVMSKB X8, R14
	TESTL R14, R14
	JZ three

	// Those of four (X8): from F0 90 to F4 8F, and not across the end of the vector.
	MOVOU 3(SI), X9
	MOVO xC0<>(SB), X10
	PCMPGTB X9, X10
	PAND X6, X10
	PAND X7, X10
	PAND X8, X10
	PAND first14<>(SB), X10
	ATLEAST(xF5, X11)
	PANDN X10, X11
	MOVO X1, X8
	PCMPGTB x8F<>(SB), X8
	MOVO X0, X9
	PCMPEQB xF4<>(SB), X9
	PAND X8, X9
	MOVO X0, X10
	PCMPEQB xF0<>(SB), X10
	PANDN X10, X8
	POR X9, X8
	PANDN X11, X8
	PMOVMSKB X8, R14

three:
	// Neither too long for what they are (E0 80 to E0 9F) nor surrogates (ED A0 to ED BF).
	MOVO X1, X5
	PCMPGTB x9F<>(SB), X5
	MOVO X0, X6
	PCMPEQB xED<>(SB), X6
	PAND X5, X6
	MOVO X0, X7
	PCMPEQB xE0<>(SB), X7
	PANDN X7, X5
	POR X6, X5
	PANDN X4, X5
	MOVO X5, X4
	POR X4, X3
	PMOVMSKB X3, BX // Those that begin one.
	PMOVMSKB X4, DX // Those that begin one of three.
	// The third byte of four begins the second unit.
	ORL R14, BX
	LEAL (R14*4), CX
	ORL CX, BX

	// R13 becomes those that continue one, and CX the odd ones that are none of it.
	LEAL (R13)(BX*2), R13
	SHLL $2, DX
	ORL DX, R13
	MOVO lastControl<>(SB), X5
	PMINUB X0, X5
	PCMPEQB X0, X5
	POR X0, X5
	PMOVMSKB X5, CX
	MOVL R13, DX
	ORL BX, DX
	NOTL DX
	ANDL DX, CX
	ESCAPED
	ORL BX, AX
	MOVWLZX R13, DX
	ORL BX, DX
	SHRL $16, R13
	MOVL $16, R15
	TESTL CX, CX
	JZ digits
	// Those from the first odd one on are made to write nothing.
	BSFL CX, R15
	MOVL R15, CX
	MOVL $-1, BX
	SHLL CX, BX
	ORL BX, DX
	NOTL BX
	ANDL BX, AX
	XORL R13, R13

digits:
	SHLL $16, DX
	ORL DX, AX
	// The digits of the unit that begins at each byte: X4, X5, X6, X7.
	MOVO X0, X5
	PXOR X1, X5
	PAND X4, X5
	PXOR X0, X5 // The last byte but one of the sequence,
	PXOR X1, X2
	PAND X4, X2
	PXOR X1, X2 // and the last.
	PAND low4<>(SB), X4
	PAND X0, X4
	MOVO X5, X6
	PSRLW $2, X5
	PAND low4<>(SB), X5
	PAND low2<>(SB), X6
	PSLLW $2, X6
	MOVO X2, X7
	PSRLW $4, X7
	PAND low2<>(SB), X7
	POR X7, X6
	MOVO X2, X7
	PAND low4<>(SB), X7
	TESTL R14, R14
	JZ hexadecimal

	// The second unit of four bytes (X9) is DC00 and more. The first is D800 and more, of which
	// X6 has the highest bits plus one.
	MOVO X8, X9
	PSLLO $2, X9
	MOVO X9, X10
	POR X8, X10
	PAND x0D<>(SB), X10
	POR X10, X4
	PAND x0C<>(SB), X9
	POR X9, X5
	PADDB X8, X6
	MOVO X6, X9
	PSRLW $2, X9
	PAND low2<>(SB), X9
	POR x08<>(SB), X9
	EITHER(X9, X5)
	MOVOU 2(SI), X9
	PSRLW $4, X9
	PAND low2<>(SB), X9
	MOVO X1, X10
	PAND low2<>(SB), X10
	PSLLW $2, X10
	POR X10, X9
	EITHER(X9, X7)
	PSRLW $2, X1
	PAND low2<>(SB), X1
	MOVO X6, X9
	PAND low2<>(SB), X9
	PSLLW $2, X9
	POR X9, X1
	EITHER(X1, X6)

hexadecimal:
	MOVO hex<>(SB), X1
	PSHUFB X5, X1
	MOVO hex<>(SB), X2
	PSHUFB X6, X2
	MOVO hex<>(SB), X3
	PSHUFB X7, X3
	MOVO hex<>(SB), X5
	PSHUFB X4, X5
	// What is ASCII goes in place of a first digit.
	PXOR X7, X7
	PCMPGTB X0, X7
	PAND X7, X5
	PANDN X0, X7
	POR X7, X5
	MOVO X5, X0

	// Four bytes at a time, each with its digits.
	MOVO X0, X4
	PUNPCKLBW X1, X0
	PUNPCKHBW X1, X4
	MOVO X2, X5
	PUNPCKLBW X3, X2
	PUNPCKHBW X3, X5
	MOVO X0, X1
	PUNPCKLWL X2, X0
	PUNPCKHWL X2, X1
	MOVO X4, X6
	PUNPCKLWL X5, X4
	PUNPCKHWL X5, X6
	PUT4(X0)
	PUT4(X1)
	PUT4(X4)
	PUT4(X6)
	ADDQ R15, SI
	SUBQ R15, R12
	JLT return
	TESTL R15, R15
	JNZ loop // Odd ones, too, once more: four bytes may have been across the end.

return:
	INCL R13
	SHRL $1, R13
	ADDQ R13, SI
	SUBQ R10, DI
	SUBQ R11, SI
	MOVQ DI, end+64(FP)
	MOVQ SI, done+72(FP)
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
