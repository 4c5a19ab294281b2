package joomla

import (
	"errors"
	"math"
	"regexp"
	"strconv"
	"strings"
)

const (
	// NumericSpace is the white space that may surround a number for PHP's
	// is_numeric, and what isspace takes for it in PHP's locale.
	NumericSpace = " \t\n\r\v\f"
	// TrimmedSpace is what PHP's trim removes.
	TrimmedSpace = " \t\n\r\v\x00"
	anySpace     = NumericSpace + TrimmedSpace
)

// ParseNumber returns the number that a numeric string of PHP is, which may be
// infinite. It reports false for any other text.
func ParseNumber(text string) (float64, bool) {
	text = strings.Trim(text, NumericSpace)
	// ParseFloat also accepts hexadecimal numbers, Inf, NaN and underscores.
	if strings.Trim(text, "0123456789.eE+-") != "" {
		return 0, false
	}
	n, err := strconv.ParseFloat(text, 64)
	return n, err == nil || errors.Is(err, strconv.ErrRange)
}

// numericPrefix matches what PHP reads of a string as a number.
var numericPrefix = regexp.MustCompile(`^[` + NumericSpace + `]*([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)`)

// CastInteger returns what PHP's (int) makes of a string: the integral part of
// the number that it begins with, or 0 if it begins with none or with an
// infinite one. A number out of range becomes the nearest integer.
func CastInteger(text string) int64 {
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return n
	}
	match := numericPrefix.FindStringSubmatch(text)
	if match == nil {
		return 0
	}
	if n, err := strconv.ParseInt(match[1], 10, 64); err == nil {
		return n
	}
	f, _ := strconv.ParseFloat(match[1], 64)
	switch {
	case math.IsInf(f, 0):
		return 0
	case f >= math.MaxInt64:
		return math.MaxInt64
	case f < math.MinInt64:
		return math.MinInt64
	default:
		return int64(f)
	}
}
