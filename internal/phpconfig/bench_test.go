package phpconfig

import (
	"strings"
	"testing"

	"github.com/capi-go/capi/internal/growth"
)

// BenchmarkProperties reads hostile sources of 1, 2, 4 and 8 MB, beyond the
// limit.
func BenchmarkProperties(b *testing.B) {
	type shape struct{ before, repeated, after string }
	in := func(repeated string) shape { return shape{"<?php class JConfig { public $x = ", repeated, ""} }
	for name, s := range map[string]shape{
		"underscores":         {"<?php class JConfig { public $host = ", "1_", "1;}"},
		"digits":              {"<?php class JConfig { public $host = ", "7", ";}"},
		"fraction":            {"<?php class JConfig { public $host = .", "1", ";}"},
		"hex digits":          {"<?php class JConfig { public $host = 0x", "f", ";}"},
		"exponents":           in("1e+"),
		"points":              in("1."),
		"hash comments":       {"<?php ", "#?><?php ", ""},
		"line comments":       {"<?php ", "//?><?php\t", ""},
		"one comment":         {"<?php /*", "* /", ""},
		"one line comment":    {"<?php //", "? >", ""},
		"comments":            {"<?php ", "/**/", ""},
		"open tags":           {"", "<?xml version", ""},
		"almost tags":         {"", "<", ""},
		"lines":               {"<?php ", "\n", "class"},
		"old lines":           {"<?php ", "\r", "class"},
		"properties on lines": {"<?php class JConfig {", "public $x = 1;\n", "}"},
		"properties in a row": {"<?php class JConfig { public $y", ", $x = '\n'", ";}"},
		"types":               {"<?php class JConfig { public ", "A|", ""},
		"names":               {"<?php class JConfig { public ", "a", ""},
		"words":               {"<?php class JConfig implements ", "a,", ""},
		"brackets":            in("[("),
		"braces":              {"<?php class JConfig { function f() ", "{", ""},
		"pairs":               in("[]"),
		"parameters":          {"<?php class JConfig { function f(", "public $x,", ""},
		"attributes":          {"<?php class JConfig { ", "#[A]", ""},
		"single quoted":       in(`'`),
		"escaped quotes":      {"<?php class JConfig { public $host = '", `\'`, ""},
		"escapes":             {`<?php class JConfig { public $host = "`, `\x41`, ""},
		"code point":          {`<?php class JConfig { public $host = "\u{`, `0`, ""},
		"code points":         {`<?php class JConfig { public $host = "`, `\u{41}`, ""},
		"half code points":    {`<?php class JConfig { public $host = "`, `\u`, ""},
		"templates":           {"<?php ", `"{$a}"`, ""},
		"dollars":             {`<?php "$a`, `$`, ""},
		"commands":            {"<?php ", "`{$a}`", ""},
		"heredoc beginnings":  {"<?php ", "<<<A ", ""},
		"almost heredocs":     {"<?php ", "<", ""},
		"spaced heredocs":     {"<?php <<<", " ", ""},
		"heredoc lines":       {"<?php <<<AAAAAAAAAAAAAAAA\n", "AAAAAAAAAAAAAAA\n", ""},
		"heredoc indents":     {"<?php <<<A\n", " ", ""},
		"heredocs in code":    {"<?php ", "<<<A\n{$x}\nA;", ""},
		"arrows":              {"<?php ", "->a", ""},
		"classes":             {"<?php ", "class ", ""},
		"visibilities":        {"<?php ", "private(set)", ""},
	} {
		b.Run(strings.ReplaceAll(name, " ", "-"), func(b *testing.B) {
			input := func(size int) []byte {
				return []byte(s.before + strings.Repeat(s.repeated, size/len(s.repeated)) + s.after)
			}
			growth.Report(b, input, func(source []byte) {
				_, _ = properties(string(source), "JConfig", []string{"host"})
			})
		})
	}
}
