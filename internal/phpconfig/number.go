package phpconfig

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// numberLength returns the length of the number at the beginning of s:
//
//	number  = "0x" digits | "0b" digits | "0o" digits | float | digits .
//	float   = ( digits "." [ digits ] | "." digits | digits ) [ ( "e" | "E" ) [ "+" | "-" ] digits ] .
//	digits  = digit { [ "_" ] digit } .
func numberLength(s string) int {
	if base := prefixBase(s); base != 0 {
		if n := digitsLength(s[2:], base); n > 0 {
			return 2 + n
		}
	}
	n := digitsLength(s, 10)
	if n < len(s) && s[n] == '.' {
		n++
		n += digitsLength(s[n:], 10)
	}
	if n < len(s) && (s[n] == 'e' || s[n] == 'E') {
		exponent := n + 1
		if exponent < len(s) && (s[exponent] == '+' || s[exponent] == '-') {
			exponent++
		}
		if length := digitsLength(s[exponent:], 10); length > 0 {
			return exponent + length
		}
	}
	return n
}

// prefixBase returns the base for the prefix of a number, or 0.
func prefixBase(s string) int {
	if len(s) < 2 || s[0] != '0' {
		return 0
	}
	switch s[1] {
	case 'x', 'X':
		return 16
	case 'o', 'O':
		return 8
	case 'b', 'B':
		return 2
	}
	return 0
}

// digitsLength returns how many bytes of s are digits of the base, with single
// underscores between them.
func digitsLength(s string, base int) int {
	for i := range len(s) {
		between := s[i] == '_' && i > 0 && s[i-1] != '_' && i+1 < len(s) && digit(s[i+1]) < base
		if digit(s[i]) >= base && !between {
			return i
		}
	}
	return len(s)
}

// numberValue returns the value of a number, with a minus if it is negative. An
// integer too large for 64 bits becomes a float before its sign is applied.
func numberValue(text string, negative bool) (Value, bool) {
	written := strings.ReplaceAll(text, "_", "")
	base := prefixBase(written)
	switch {
	case base != 0:
		written = written[2:]
	case strings.ContainsAny(written, ".eE"):
		return floatValue(decimal(written), negative), true
	case written[0] == '0':
		base = 8
		if digits(written, 8) < len(written) {
			return Value{}, false
		}
	default:
		base = 10
	}
	integer, err := strconv.ParseInt(written, base, 64)
	switch {
	case err == nil && negative:
		return Value{Kind: Int, Text: strconv.FormatInt(-integer, 10)}, true
	case err == nil:
		return Value{Kind: Int, Text: strconv.FormatInt(integer, 10)}, true
	case base == 10:
		return floatValue(decimal(written), negative), true
	}
	// PHP's zend_hex_strtod and its siblings round at every digit.
	float := 0.0
	for _, c := range []byte(written) {
		float = float*float64(base) + float64(digit(c))
	}
	return floatValue(float, negative), true
}

// decimal returns the nearest float, which may be infinite.
func decimal(written string) float64 {
	float, _ := strconv.ParseFloat(written, 64) // Out of range, it is infinite or 0.
	return float
}

// precision is the number of digits when PHP converts a float to a string: the
// default of its setting of that name, which php.ini-development and
// php.ini-production repeat.
const precision = 14

// floatValue returns the Value of float, with a minus if it is negative.
func floatValue(float float64, negative bool) Value {
	if negative {
		float = -float
	}
	return Value{Kind: Float, Text: FormatFloat(float)}
}

// FormatFloat returns float as PHP converts it to a string (php_gcvt).
func FormatFloat(float float64) string {
	switch {
	case math.IsNaN(float):
		return "NAN"
	case math.IsInf(float, 0):
		return strings.TrimPrefix(strconv.FormatFloat(float, 'f', -1, 64)[:1]+"INF", "+")
	case float == 0:
		return strconv.FormatFloat(float, 'f', 0, 64)
	}
	mantissa, exponent, _ := strings.Cut(strconv.FormatFloat(float, 'e', precision-1, 64), "e")
	power, _ := strconv.Atoi(exponent)
	if power >= -4 && power < precision { // With at most that many digits, or three zeros after the point.
		fixed := strconv.FormatFloat(float, 'f', precision-1-power, 64)
		if strings.Contains(fixed, ".") {
			fixed = strings.TrimRight(strings.TrimRight(fixed, "0"), ".")
		}
		return fixed
	}
	// For a whole number of one digit more that is halfway between two of
	// precision digits, PHP's zend_dtoa takes the lower and leaves its zeros.
	halfway := power == precision && float == math.Trunc(float) && math.Mod(math.Abs(float), 20) == 5
	if !halfway {
		mantissa = strings.TrimRight(mantissa, "0")
	}
	if strings.HasSuffix(mantissa, ".") {
		mantissa += "0"
	}
	return fmt.Sprintf("%sE%+d", mantissa, power)
}
