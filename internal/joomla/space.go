package joomla

const (
	// NumericSpace is the white space that may surround a number for PHP's
	// is_numeric.
	NumericSpace = " \t\n\r\v\f"
	// TrimmedSpace is what PHP's trim removes.
	TrimmedSpace = " \t\n\r\v\x00"
)
