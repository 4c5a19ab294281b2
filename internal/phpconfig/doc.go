// Package phpconfig reads properties of a class from PHP source, such as the
// class JConfig of Joomla's configuration.php. The source is data: nothing of
// it is ever executed.
//
// # Grammar
//
// Words are split by the lexical rules of PHP 8 (the language specification,
// "Lexical Structure", and Zend/zend_language_scanner.l). The package reads:
//
//	file       = { code | class } .
//	class      = "class" NAME { NAME | "," | "\" } "{" { member } "}" .
//	member     = { attribute } ( constant | function | property ) .
//	constant   = { modifier } "const" … ";" .
//	function   = { modifier } "function" … "(" … ")" … ( ";" | "{" code "}" ) .
//	property   = modifier { modifier } [ type ] item { "," item } ( ";" | "{" hooks "}" ) .
//	item       = VARIABLE [ "=" value ] .
//	value      = STRING | [ "+" | "-" ] NUMBER | "true" | "false" | "null" .
//
// Only the requested properties must have such a value; others may have any
// expression. Brackets must match within the class. Strings are in single
// quotes, or in double quotes with escapes but without variables.
//
// # What is refused
//
// A property is read only if its default is certainly its value in a new
// object. So these are errors, each with its line:
//
//   - a parent class, a trait, and a promoted parameter with a requested name;
//   - code anywhere in the file that names such a property after an arrow,
//     except to call a method of that name;
//   - code anywhere in the file that computes a property's name: ->$x, ->{…};
//   - in the class, code that includes or evaluates other code, or passes $this
//     on, even to its caller;
//   - for a requested property: hooks, private or protected visibility, a
//     second declaration, and a default that is not a value as above;
//   - no class of that name, two, or one declared in braces, such as those of
//     an if;
//   - __halt_compiler, short open tags, which depend on PHP's settings, and
//     strings with code nested more than 64 deep;
//   - text that is cut short.
//
// Code that only reads such a property is refused too, because by-reference
// passing, destructuring and loops make it too hard to tell from code that
// writes it.
//
// Reading takes time and memory in proportion to the length of any source.
package phpconfig
