package joomla

const (
	// NumericSpace is the white space that may surround a number for PHP's
	// is_numeric, and what isspace takes for it in PHP's locale.
	NumericSpace = " \t\n\r\v\f"
	// TrimmedSpace is what PHP's trim removes.
	TrimmedSpace = " \t\n\r\v\x00"
)
