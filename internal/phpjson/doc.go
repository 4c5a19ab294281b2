// Package phpjson writes JSON strings byte for byte as PHP's json_encode does
// without flags:
//
//   - A quote, a backslash and a slash are preceded by a backslash.
//   - Control characters are \b, \t, \n, \f and \r, or else \u00xx.
//   - Characters above ASCII are \uxxxx for each UTF-16 unit, in lower-case
//     hexadecimal.
//   - All other characters, including U+007F, are unchanged.
//
// That is one of the forms that RFC 8259, section 7, allows.
//
// There are no errors. Bytes that are not UTF-8 become \ufffd, as in
// json_encode with JSON_INVALID_UTF8_SUBSTITUTE: one for a byte that begins no
// sequence, and one for an incomplete sequence up to the first byte that may
// begin another.
package phpjson
