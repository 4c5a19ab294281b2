// Package phpjson writes JSON strings byte for byte as PHP's json_encode does
// without flags:
//
//   - A quote, a backslash and a slash get a backslash before them.
//   - \b, \t, \n, \f and \r are short; other control characters are \u00xx.
//   - What is above ASCII is \uxxxx, of its units of UTF-16, in lower-case
//     hexadecimal.
//   - All other characters, U+007F among them, are written as they are.
//
// That is one of the forms that RFC 8259, section 7, allows.
//
// Nothing is refused. Where the bytes are not UTF-8, \ufffd is written in their
// place, as json_encode does with JSON_INVALID_UTF8_SUBSTITUTE: one for a byte
// that begins no sequence; else one for the first byte together with those that
// it calls for, up to the first of them that may begin a sequence of its own.
package phpjson
