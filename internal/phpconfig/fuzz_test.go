package phpconfig

import (
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"
)

// FuzzProperties checks that Properties returns either properties or an [Error]
// with a line of the source, and that comments and space between words change
// nothing.
func FuzzProperties(f *testing.F) {
	f.Add("<?php\nclass JConfig { public $host = 'a'; var $secret = \"\\x41\\u{e9}\\101\", $x = <<<A\n {$b[\"'\"]}\n A\n; }")
	f.Add("<html><?= 1 ?><?php #[A]\nfinal class JConfig { public static ?int $a = -0x1_F; public $db = .5e-3 ; } ?>")
	f.Add("<?php // ?> <?php class JConfig { function f(public $x = [']']) { `{$a}` . \"{$b(\"{$c}\")} ${d}\"; $this?->f(); } public private(set) $y = 1.; }")
	names := []string{"host", "secret", "db", "x"}
	f.Fuzz(func(t *testing.T, source string) {
		values, err := Properties(source, "JConfig", names)
		if err != nil {
			var invalid *Error
			lines := 1 + strings.Count(source, "\n") + strings.Count(source, "\r")
			if !errors.As(err, &invalid) || invalid.Line < 1 || invalid.Line > lines || values != nil {
				t.Fatalf("%v with %v", err, values)
			}
			return
		}
		for _, between := range []string{"/* class JConfig { ' */", "# \" ?\n", "\r\n\t "} {
			spaced := insert(t, source, between)
			again, err := properties(spaced, "JConfig", names)
			if err != nil {
				t.Fatalf("%v, of %q", err, spaced)
			}
			for name, value := range again {
				value.Line = values[name].Line
				again[name] = value
			}
			if !maps.Equal(values, again) {
				t.Fatalf("%v is read as %v with %q between the words", values, again, between)
			}
		}
	})
}

// insert returns the source with the text in front of each word of code, except
// the first word of code in a template: "{ $a}" is not code.
func insert(t *testing.T, source, text string) string {
	l := lexer{source: source, html: true}
	var b strings.Builder
	from, opened := 0, false
	for {
		code := !l.inText()
		word, err := l.next()
		if err != nil {
			t.Fatal(err)
		}
		if code && !opened && word.kind != end {
			b.WriteString(source[from:word.offset] + text)
			from = word.offset
		}
		opened = !code && word.isMark("{")
		if word.kind == end {
			return b.String() + source[from:]
		}
	}
}

// FuzzPropertiesString checks that strings are read as they were written,
// whatever is in them, and change nothing around them.
func FuzzPropertiesString(f *testing.F) {
	f.Add("it's", `a\`, "?>")
	f.Add(`\'; public $host = 'x'; //`, "/*", "\x00\xff\r\n")
	f.Fuzz(func(t *testing.T, a, b, c string) {
		single := strings.NewReplacer(`\`, `\\`, `'`, `\'`)
		double := strings.NewReplacer(`\`, `\\`, `"`, `\"`, `$`, `\$`)
		source := "<?php class JConfig { public $a = '" + single.Replace(a) + "', $b = \"" + double.Replace(b) + "\"; public $c = \"" + hex(c) + "\"; }"
		values, err := Properties(source, "JConfig", []string{"a", "b", "c"})
		if err != nil {
			if len(source) > MaxSize {
				return
			}
			t.Fatal(err)
		}
		if values["a"].Text != a || values["b"].Text != b || values["c"].Text != c {
			t.Fatalf("%q, %q and %q are read as %v", a, b, c, values)
		}
	})
}

// hex returns the text as escape sequences.
func hex(text string) string {
	var b strings.Builder
	for _, c := range []byte(text) {
		fmt.Fprintf(&b, `\x%02X`, c)
	}
	return b.String()
}
