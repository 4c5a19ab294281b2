// Package phpconfig reads properties of a class from PHP source, such as the
// class JConfig of Joomla's configuration.php. The source is data: nothing of
// it is ever executed.
//
// # Grammar
//
// Words are split by the lexical rules of PHP 8 (the language specification,
// "Lexical Structure", and Zend/zend_language_scanner.l). What is read of them:
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
// A value is so narrow for the properties that are asked for; any other may
// have any expression. Brackets must match within the class. Strings are in
// single quotes, or in double quotes with escapes but without variables.
//
// # What is refused
//
// A property is read only where its default is certainly the value that the
// object has once it is made. So these are errors, each with its line:
//
//   - a parent class, a trait, and a promoted parameter of a name asked for;
//   - code anywhere in the file that names such a property behind an arrow,
//     other than to call a method of that name;
//   - code anywhere in the file that computes a property's name: ->$x, ->{…};
//   - in the class, code that includes or evaluates other code, or hands $this
//     on, to its caller too;
//   - for a property that is asked for: hooks, private or protected visibility,
//     a second declaration, and a default that is not a value as above;
//   - no class of that name, two, or one that is declared in braces, such as of
//     an if; __halt_compiler; short open tags, which
//     PHP reads or not by its settings; strings with code in them over 64 deep;
//     text that is cut short.
//
// Code that only reads such a property is refused too, since by-reference
// passing, destructuring and loops make it too hard to tell from code that
// writes it.
//
// Reading takes time and memory in proportion to the source, whatever it is.
package phpconfig
