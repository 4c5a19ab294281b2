package phpconfig_test

import (
	"math/rand/v2"
	"strconv"
	"strings"
)

// A generator makes sources that are often valid, and otherwise hard: it mixes
// what is read with everything that looks like it. Nothing in them has effects
// outside of PHP.
type generator struct {
	*rand.Rand
	// used are the names that the source has already declared.
	used map[string]bool
}

// unused returns one of the choices that was not declared yet, or a new one.
func (g generator) unused(choices ...string) string {
	for range 10 {
		if choice := g.of(choices...); !g.used[choice] {
			g.used[choice] = true
			return choice
		}
	}
	return "p" + strconv.FormatUint(g.Uint64(), 36)
}

func (g generator) of(choices ...string) string { return choices[g.IntN(len(choices))] }

// many returns up to n texts.
func (g generator) many(n int, text func() string) string {
	var b strings.Builder
	for range g.IntN(n + 1) {
		b.WriteString(text())
	}
	return b.String()
}

func (g generator) source() string {
	clear(g.used)
	source := g.of("<?php", "<?PHP", "\xef\xbb\xbf<?php", "<p>\n<?php") + g.of("\n", " ", "\r\n", "\t") +
		g.many(2, g.outside) + "class JConfig" + g.space() + "{" + g.space() + g.many(8, g.member) + "}" + g.many(2, g.outside) +
		g.of("", "?>", "\n?>\n", "\n")
	for range max(0, g.IntN(6)-3) { // Some are broken.
		i := g.IntN(len(source))
		switch g.IntN(3) {
		case 0:
			source = source[:i] + source[i+1:]
		case 1:
			source = source[:i] + string(`'"\$;{}()[]#/*?><.=-_0129eExn, `[g.IntN(31)]) + source[i+1:]
		case 2:
			j := min(i+g.IntN(12), len(source))
			source = source[:j] + source[i:j] + source[j:]
		}
	}
	return source
}

func (g generator) space() string {
	return g.of(" ", " ", " ", "\n", "\r\n", "\t", "/* ' */ ", "/** $host = \" */ ", "// ' ?\n", "# \" {\r\n", " // a /*\n", "/**/ ")
}

func (g generator) outside() string {
	return g.space() + g.of("$x = 'class JConfig {';", g.of("", "", "function "+g.unused("f1", "f2", "f3")+"() {}"), "$y = 1;", "?> <b> ' <?php ",
		"// ?> ' <?php\n", "?><?= 'x' ?>\n<?php ", "if (true) {}", "class Other { public $host = 'other'; }",
		"$config = (object) [];", "$config->host = 'x';", "$z = <<<A\n  ' class JConfig\n  A;", ";") + g.space()
}

func (g generator) property() string {
	return g.unused("host", "user", "password", "db", "secret", "lifetime", "session_metadata", "dbtype", "other", "x", "Host")
}

func (g generator) member() string {
	visible := g.of("public", "public", "public", "public", "public", "Public", "public", "public", "public", "public", "var", "var",
		"public static", "private") + g.space()
	switch g.IntN(10) {
	case 0:
		return g.space() + "const" + g.space() + g.unused("HOST", "USER", "X") + " = " + g.any() + ";"
	case 1:
		function, parameters := g.unused("__construct", "f", "g"), g.of("", "$host = 'x'", "$host = [1, ')']")
		if function == "__construct" && g.IntN(3) == 0 {
			parameters = "public $" + g.property() + " = 'x'"
		}
		return g.space() + "function " + function + "(" + parameters + ") {" + g.many(3, g.statement) + "}"
	case 2:
		return g.space() + visible + "$" + g.property() + ", $" + g.property() + " = " + g.literal() + ";"
	case 3:
		return g.space() + visible + "$" + g.unused("other", "x", "y") + " = " + g.any() + ";"
	case 4:
		return g.space() + "#[A(['x' => ']'])]\n" + visible + "$" + g.property() + " = " + g.literal() + ";"
	}
	return g.space() + visible + g.of("", "", "", "mixed ", "array|string|null|bool|int|float ", "array|string|null|bool|FLOAT ") + "$" + g.property() + g.space() + "=" +
		g.space() + g.literal() + g.space() + ";"
}

func (g generator) statement() string {
	return g.space() + g.of("$this->x = 1;", "$this->host = 'assigned';", "$this->user();", "$a = \"{$this->x}\";", "$b = 'a' . \"$a[b] {$a['}']}\";",
		"foreach (['db' => 1] as $k => $v) { $this->$k = $v; }", "$c = <<<X\n{$a[\"\nX\n\"]}\n X;", "$host = 1;", "return;",
		"if (1) { /* } */ }", "$f = fn($o) => $o->db = 'by function'; $f($this);")
}

// any returns an expression that is constant to PHP.
func (g generator) any() string {
	switch g.IntN(4) {
	case 0:
		return "[" + g.many(3, func() string { return g.of("", "'k' => ", "1 => ") + g.any() + ", " }) + "]"
	case 1:
		return "array(" + g.many(3, func() string { return g.any() + g.space() + "," }) + ")"
	case 2:
		return g.literal() + " . " + g.literal()
	}
	return g.literal()
}

func (g generator) literal() string {
	switch g.IntN(24) {
	case 0, 1, 2, 3:
		return g.of("true", "FALSE", "null", "Null", "false")
	case 4, 5, 6, 7, 8, 9, 10, 11:
		return g.of("", "", "-", "+", "- ") + g.number()
	case 12:
		return "<<<" + g.of("A", "'A'", `"A"`) + "\n" + g.many(4, g.piece) + "\nA"
	case 13, 14, 15, 16, 17, 18:
		return `"` + g.many(6, g.piece) + `"`
	}
	return "'" + strings.ReplaceAll(g.many(6, g.piece), "'", `\'`) + "'"
}

func (g generator) piece() string {
	return g.of("a", "é", " ", "\n", `\\`, `\n`, `\x4`, `\x41`, `\101`, `\8`, `\400`, `\u{e9}`, `\u{0D800}`, `\u`, `\$`, `\'`, `\e`, `\q`,
		"$ ", "{ ", "}", "?>", "//", "/*", "#", "\xff", "\r\n", "<?php", `\{`, "$1")
}

func (g generator) number() string {
	most := g.IntN(26)
	digits := func(alphabet string) string {
		var b strings.Builder
		for i := range 1 + g.IntN(1+most) {
			if i > 0 && g.IntN(20) == 0 {
				b.WriteByte('_')
			}
			b.WriteByte(alphabet[g.IntN(len(alphabet))])
		}
		return b.String()
	}
	const decimal = "0123456789"
	switch g.IntN(8) {
	case 0:
		return g.of("0x", "0X") + digits("0123456789abcdefABCDEF")
	case 1:
		return "0b" + digits("01")
	case 2:
		return g.of("0", "0o", "0O", "0_") + digits("01234567")
	case 3:
		return digits(decimal) + "." + g.of("", digits(decimal))
	case 4:
		return g.of("", digits(decimal)) + "." + digits(decimal)
	case 5:
		return digits(decimal) + g.of("", ".", ".5") + g.of("e", "E") + g.of("", "+", "-") + g.of("0", "1", "5", "13", "14", "1_5", "22", "300", "400")
	}
	return digits(decimal)
}
