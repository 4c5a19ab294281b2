// Package phpserial reads what PHP's serialize and its session handlers write.
//
// # Grammar
//
// A serialized value is one of these, where N is a number in decimal digits:
//
//	value   = "N;"                                null
//	        | "b:" ( "0" | "1" ) ";"              bool
//	        | "i:" [ sign ] digits ";"            int
//	        | "d:" float ";"                      float, also INF, -INF, NAN
//	        | "s:" N ":" quote bytes quote ";"    string of N bytes
//	        | "S:" N ":" quote escaped quote ";"  string; \ and two hexadecimal digits are a byte
//	        | "a:" N ":{" { key value } "}"       array of N elements
//	        | "O:" class ":" N ":{" { key value } "}"
//	        | "C:" class ":" N ":{" bytes "}"     object with a serialization of its own
//	        | "E:" N ":" quote enum ":" case quote ";"
//	        | "r:" N ";"                          the object in slot N again, in a slot of its own
//	        | "R:" N ";"                          the variable in slot N again, without a slot
//	key     = an int or a string, as above
//	class   = N ":" quote name quote
//
// The text of a session has one of two forms, depending on PHP's setting
// session.serialize_handler:
//
//	php            = { name "|" value }    a name has no "|"
//	php_serialize  = one value, an array
//
// References name slots, which are counted from 1 over the whole text. Every
// value has one, except those of R:.
//
// # What is refused
//
// The package reads what PHP 8.2 reads, except for a few texts:
//
//   - integers that do not fit 64 bits, which PHP clamps with a warning;
//   - bytes after the value, which PHP 8.2 ignores;
//   - more than [MaxDepth] levels of nesting;
//   - references that expand to more than [MaxReferenced] times the text;
//   - counts that exceed the rest of the text, which PHP refuses later, and
//     objects without a count (O:8:"stdClass"::{}), which PHP reads as empty;
//   - bytes after the last variable of a session, which PHP 8.2 ignores;
//   - the unset variables (!name|) of PHP 5.
//
// Classes are not looked up, so values that their classes would refuse are
// read. A reference to an element that a later one with the same key has
// replaced is the old element; in PHP it is the new one. [Reader.ResetSession]
// tells the forms of a session apart, while PHP reads only the one in its
// settings. Time and memory are in proportion to the length of the text.
package phpserial
