package phpconfig_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/capi-go/capi/internal/phpconfig"
)

// names are the properties that these tests ask for.
var names = []string{"dbtype", "host", "user", "password", "db", "secret", "lifetime", "session_metadata"}

// texts returns the text of each property of the class JConfig.
func texts(source string) (map[string]string, error) {
	values, err := phpconfig.Properties(source, "JConfig", names)
	if err != nil {
		return nil, err
	}
	texts := map[string]string{}
	for name, value := range values {
		texts[name] = value.Text
	}
	return texts, nil
}

// joomla5 is a configuration.php as Joomla 5 writes it, with more of everything
// that is not read.
const joomla5 = `<?php
class JConfig {
	public $offline = false;
	public $offline_message = 'This site is down for maintenance.<br>Please check back again soon.';
	public $captcha = '0';
	public $list_limit = 20;
	public $dbtype = 'mysqli';
	public $host = 'localhost:3307';
	public $user = 'joomla';
	public $password = 'it\'s \\ "mine" $ { } ; // # /* */ ?>';
	public $db = 'site';
	public $dbprefix = 'j5_';
	public $dbencryption = 0;
	public $dbsslverifyservercert = false;
	public $secret = 'RzLnxjfxfS73CDww';
	public $helpurl = 'https://help.joomla.org/proxy?keyref=Help{major}{minor}:{keyref}&lang={langcode}';
	public $proxy_host = NULL;
	public $lifetime = 15;
	public $session_handler = 'database';
	public $session_metadata = true;
	public $log_categories = array('a' => array("b", 'c}'), 'secret' => 'x');
	public $log_priorities = ['0' => 'all', 1 => [1.5, -2, null, "];"]];
	public $cors_allow_headers = 'Content-Type,X-Joomla-Token';
}
`

// joomla3 is a configuration.php of an older site, with additions of
// administrators.
const joomla3 = `<?php
/** Written by hand. ?> is not special here. */
defined('_JEXEC') or die;
class JConfig
{
	/* Site */
	var $offline = '0'; // public $host = 'no';
	var $dbtype = 'mysql'; # public $host = 'no';
	var $host = 'db', $user = "joomla";
	var $password = '', $db = 'site';
	var $secret = "FBVtggIk5lAzEU9H";
	var $ftp = array();
	public $lifetime = '15';
	public function __construct() { $this->offline = getenv('OFFLINE'); $this->load('x')->load('y'); }
	private function load($x) { $this->log_path = __DIR__ . "/{$x['}']}$x[a] ${x}"; return $x; }
}
?>
`

// otherMembers are members of a class that is read, with everything that could
// be mistaken for something else.
const otherMembers = `{
	const HOST = 'x', SECRET = ['}', "{"];
	final public const string DB = 'x' . "$" . PHP_EOL;
	private $unused = self::HOST . 'x' . 1.5e3 . 0x1F . 1_000 << 2;
	public function __construct(public string $name = 'x', $secret = ['y'], private(set) readonly array $z = []) {
		$this->offline = "a{$x["}"]}$c[d] ${e} \" \\ $this->host";
		$y = ` + "`ls \\` '{$x['`']}`" + `;
		if ($a < 1 && $b <<= 2) { return; /* } */ }
		$z = <<<X
			{$y["
			X
			"]} ' X1
			X . "}";
	}
	abstract protected function &f(): ?static;
	public static function g(): array { return ['}' => '{', self::$host, $this->host(), $this?->db ()]; }
`

func TestProperties(t *testing.T) {
	want := map[string]string{
		"dbtype": "mysqli", "host": "localhost:3307", "user": "joomla", "password": `it's \ "mine" $ { } ; // # /* */ ?>`,
		"db": "site", "secret": "RzLnxjfxfS73CDww", "lifetime": "15", "session_metadata": "1",
	}
	replace := func(old, with string) string { return strings.Replace(joomla5, old, with, 1) }
	each := func(with string) string { return strings.ReplaceAll(joomla5, "public ", with) }
	for name, source := range map[string]string{
		"as Joomla writes it":  joomla5,
		"byte order mark, DOS": "\xef\xbb\xbf" + strings.ReplaceAll(joomla5, "\n", "\r\n"),
		"closed":               joomla5 + "?>\n",
		"closed, then HTML":    joomla5 + "?><p>class JConfig { public $host = 'no';",
		"after HTML":           "<!DOCTYPE html><?xml version='1.0'?>\n" + joomla5,
		"in upper case":        strings.NewReplacer("<?php", "<?PHP", "class", "CLASS", "public", "Public", "true", "TRUE").Replace(joomla5),
		"as var":               each("var "),
		"typed":                each("public ?string "),
		"typed as a union":     each(`final public readonly \Foo\Bar|(A&B)|array|null `),
		"set by the class":     each("public private(set) "),
		"without line breaks":  strings.ReplaceAll(strings.Join(strings.Fields(joomla5), " "), "offline_message", "o"),
		"with attributes":      each("#[A(['x' => ']'])] #[B]\npublic "),
		"with comments":        each("// public $host = 'a'; '\n# \"\n/** public $db = \"*/ public /* ' */ "),
		"in a namespace":       replace("class", `namespace A\B; use C\{D, E}; declare(strict_types=1); defined('_JEXEC') or die; class`),
		"after another class":  replace("class", "class Other { public $host = 'other'; function f() { return Foo::class; } }\nfinal class"),
		"implementing":         replace("JConfig", `JConfig implements Baz, \Foo\Qux`),
		"next to class names":  replace("class", "$a = Other::class; $b = $a->class; $c = new class JConfig {}; class"),
		// If the closing tag were part of the comment, so would be the class.
		"line comment closed by a tag": "<?php // ?> class JConfig {' <?php # ?> <?php " + strings.TrimPrefix(joomla5, "<?php\n"),
		"echo tag":                     "<?= 1 ?>" + joomla5,
		"other members":                replace("{\n", otherMembers),
		"hooks of others":              replace("{\n", "{ public string $x { get => 'a'; set { $this->x = \"{$y['}']}\"; } } public $z = 1 { get { return 2; } }\n"),
		"several in a list":            replace("'mysqli';", "'mysqli', $other, $another = array(1, 2), $more = 1 + 2;"),
		"heredocs":                     replace("{\n", "{\npublic $a = <<<EOT\npublic $host = 'x';\n}\n  EOT;\npublic $b = <<<'X'\n' \\ EOT {$\nX\n;public $c = <<< \"Y\"\n\"\nYY\nY ;\n"),
		"static is none of it":         replace("{\n", "{ public static $host = 'other', $db = 1; static $secret = 'x';\n"),
		"vertical tab in a string":     replace("'0'", "'\v'"),
	} {
		t.Run(name, func(t *testing.T) {
			got, err := texts(source)
			require.NoError(t, err)
			assert.Equal(t, want, got)
		})
	}

	got, err := texts(joomla3)
	require.NoError(t, err)
	assert.Equal(t, map[string]string{"dbtype": "mysql", "host": "db", "user": "joomla", "password": "", "db": "site",
		"secret": "FBVtggIk5lAzEU9H", "lifetime": "15"}, got)
}

// class returns a source of the given members.
func class(members string) string { return "<?php\nclass JConfig {\n" + members + "\n}\n" }

func TestPropertiesLeavesOut(t *testing.T) {
	for name, source := range map[string]string{
		"nothing":        class(""),
		"no default":     class("public $secret; public ?int $lifetime, $host;"),
		"null":           class("public $secret = Null;"),
		"other names":    class("public $Secret = 'x'; public $SECRET = 'y'; public $secret_ = 'z';"),
		"outer variable": "<?php $secret = 'x'; $this->other = 1; class JConfig {}",
	} {
		got, err := texts(source)
		require.NoError(t, err, name)
		assert.Empty(t, got, name)
	}
}

func TestPropertiesValues(t *testing.T) {
	const str, integer, float, boolean = phpconfig.String, phpconfig.Int, phpconfig.Float, phpconfig.Bool
	for _, test := range []struct {
		literal string
		kind    phpconfig.Kind
		want    string
	}{
		{`''`, str, ""},
		{`""`, str, ""},
		{`'a\'b\\c\n\x41\\'`, str, `a'b\c\n\x41\`},
		{"'a\nb\r\n'", str, "a\nb\r\n"},
		{`'$a {$b} ${c}'`, str, `$a {$b} ${c}`},
		{`"\n\t\r\v\e\f\\\$\""`, str, "\n\t\r\v\x1b\f\\$\""},
		{`"\0\7\60\101\1011\400\777\8"`, str, "\x00\x07\x30AA1\x00\xff\\8"},
		{`"\x41\x4\xZ\xg\X41\x414"`, str, "A\x04\\xZ\\xgAA4"},
		{`"\u{41}\u{e9}\u{1F600}\u{0000041}\u\u41"`, str, "Aé😀A\\u\\u41"},
		{`"\u{D800}"`, str, "\xed\xa0\x80"},
		{`"\a\'\q\ "`, str, `\a\'\q\ `},
		{`"\{$ \{\$a"`, str, `\{$ \{$a`},
		{`"$ $1 { $} {} $-a $"`, str, "$ $1 { $} {} $-a $"},
		{`"\$a \{ {\$b}"`, str, `$a \{ {$b}`},
		{`"` + "\x00\xff" + `é"`, str, "\x00\xffé"},
		{`42`, integer, "42"},
		{`+42`, integer, "42"},
		{`- 0x1A`, integer, "-26"},
		{`0B101`, integer, "5"},
		{`017`, integer, "15"},
		{`0O17`, integer, "15"},
		{`0_17`, integer, "15"},
		{`-0`, integer, "0"},
		{`1_000`, integer, "1000"},
		{`0x1_F`, integer, "31"},
		{`9223372036854775807`, integer, "9223372036854775807"},
		{`0x7FFFFFFFFFFFFFFF`, integer, "9223372036854775807"},
		// The sign comes after the number has become a float.
		{`-9223372036854775808`, float, "-9.2233720368548E+18"},
		{`9223372036854775808`, float, "9.2233720368548E+18"},
		{`0xFFFFFFFFFFFFFFFFFF`, float, "4.7223664828696E+21"},
		{`07777777777777777777777777`, float, "3.7778931862957E+22"},
		{`1.5`, float, "1.5"},
		{`.5`, float, "0.5"},
		{`1.`, float, "1"},
		{`15.0`, float, "15"},
		{`-0.0`, float, "-0"},
		{`1e3`, float, "1000"},
		{`1E-1`, float, "0.1"},
		{`1_1.5_0`, float, "11.5"},
		{`010.5`, float, "10.5"},
		{`1e25`, float, "1.0E+25"},
		{`1e13`, float, "10000000000000"},
		{`1e14`, float, "1.0E+14"},
		{`957656387012405.0`, float, "9.5765638701240E+14"},
		{`100000000000005.0`, float, "1.0000000000000E+14"},
		{`957656387012395.0`, float, "9.576563870124E+14"},
		{`957656387012401.0`, float, "9.576563870124E+14"},
		{`0.0001`, float, "0.0001"},
		{`0.00001`, float, "1.0E-5"},
		{`123456789012345.678`, float, "1.2345678901235E+14"},
		{`0.12345678901234567890`, float, "0.12345678901235"},
		{`99999999999999.9`, float, "1.0E+14"},
		{`1e400`, float, "INF"},
		{`-1e400`, float, "-INF"},
		{`1e-400`, float, "0"},
		{`true`, boolean, "1"},
		{`False`, boolean, ""},
	} {
		t.Run(test.literal, func(t *testing.T) {
			got, err := phpconfig.Properties(class("public $secret = "+test.literal+";"), "JConfig", names)
			require.NoError(t, err)
			assert.Equal(t, phpconfig.Value{Kind: test.kind, Text: test.want, Line: 3}, got["secret"])
		})
	}
}

// A property whose type has float and not int holds an integer as a float,
// which shows if it has more digits than PHP writes of a float.
func TestPropertiesTyped(t *testing.T) {
	for typed, want := range map[string]string{
		"float":                  "-7.3117159838246E+17",
		"array|string|?in|Float": "-7.3117159838246E+17",
		"float|int":              "-731171598382457515",
		"mixed":                  "-731171598382457515",
	} {
		got, err := phpconfig.Properties(class("public "+typed+" $secret = -0xa25A4B1DF70E2AB;"), "JConfig", names)
		require.NoError(t, err, typed)
		assert.Equal(t, want, got["secret"].Text, typed)
	}
	got, err := phpconfig.Properties(class("public float $x = 1; public $secret = 731171598382457003;"), "JConfig", names)
	require.NoError(t, err)
	assert.Equal(t, "731171598382457003", got["secret"].Text)
}

func TestPropertiesErrors(t *testing.T) {
	const hush = "hush-hush" // Whatever the source holds, the error does not.
	for name, test := range map[string]struct{ source, want string }{
		"empty":                    {"", "line 1: no class JConfig"},
		"no PHP":                   {"class JConfig { public $secret = '" + hush + "'; }", "no class JConfig"},
		"another class":            {"<?php\n\nclass Config {}\n", "line 4: no class JConfig"},
		"$this by a result":        {class("public $secret = '" + hush + "'; function me() { return $this; }"), "passes $this to"},
		"$this by its name":        {class("public $secret = '" + hush + "'; function f() { return compact('this'); }"), "passes $this to"},
		"class in braces":          {"<?php\nif (true) {\n class JConfig { public $secret = '" + hush + "'; } }", "line 3: class JConfig is declared in braces"},
		"two classes":              {class("") + "class JConfig {}", "line 5: a second class JConfig"},
		"cut in a string":          {"<?php class JConfig {\n public $secret = '" + hush, "line 2: unterminated string"},
		"cut in a double quoted":   {"<?php class JConfig {\n\n public $secret = \"" + hush + `\"`, "line 3: unterminated string"},
		"cut in a template":        {"<?php class JConfig {\n\n public $x = \"$a" + hush + `\"`, "line 3: unterminated string"},
		"cut in a template's code": {"<?php class JConfig {\n\n public $x = \"{$a" + hush, "line 3: unterminated string"},
		"cut after a backslash":    {"<?php class JConfig { public $secret = '" + hush + `\`, "line 1: unterminated string"},
		"cut after a \" backslash": {"<?php class JConfig { public $secret = \"" + hush + `\`, "line 1: unterminated string"},
		"cut in a comment":         {class("/* " + hush), "line 3: unterminated comment"},
		"cut in a heredoc":         {class("public $x = <<<EOT\n" + hush), "line 3: unterminated heredoc"},
		"cut in an array":          {"<?php class JConfig { public $x = array('" + hush + "', ", "brackets do not match"},
		"cut before a value":       {"<?php class JConfig { public $secret =", "expected a string, a number, a boolean or null for $secret"},
		"cut before a semicolon":   {"<?php class JConfig { public $secret = '" + hush + "'", "expected the end of $secret"},
		"cut after a member":       {"<?php class JConfig { public $secret = '" + hush + "';", "expected a member of class JConfig"},
		"cut in another's value":   {"<?php class JConfig { public $x = '" + hush + "'", "expected the end of a member"},
		"cut in the head":          {"<?php class JConfig implements", "expected the body of class JConfig"},
		"cut in a list":            {"<?php class JConfig { public $x,", "expected a property"},
		"cut behind the class":     {"<?php class JConfig {}\nif (true) {\n", "line 3: braces do not match"},
		"no semicolon":             {class("public $secret = '" + hush + "'\npublic $x;"), "line 4: expected the end of $secret"},
		"two in old Mac lines":     {class("public $x;\rpublic $secret = '" + hush + "'\r'';"), "line 5: expected the end of $secret"},
		"no modifier":              {class("$secret = '" + hush + "';"), "line 3: expected a member of class JConfig"},
		"a statement":              {class("echo '" + hush + "';"), "line 3: expected a member"},
		"vertical tab":             {class("\vpublic $x;"), "line 3: expected a member"},
		"closing tag inside":       {class("?> " + hush + " <?php"), "line 3: expected a member"},
		"closing tag in a value":   {class("public $x = 1 ?>"), "line 3: expected the end of a member"},
		"short open tag":           {"<?php\n?><?\nclass JConfig {}", "line 2: short open tag"},
		"halted":                   {"<?php\n__HALT_compiler(); class JConfig {}", "line 2: __halt_compiler"},
		"set twice":                {class("public $secret = '" + hush + "';\npublic $secret = 'x';"), "line 4: a second $secret"},
		"declared twice":           {class("public $secret;\npublic $secret = 'x';"), "line 4: a second $secret"},
		"array":                    {class("public $secret = ['" + hush + "'];"), "for $secret"},
		"constant":                 {class("public $secret = HUSH;"), "for $secret"},
		"concatenation":            {class("public $secret = '" + hush + "' . 'x';"), "expected the end of $secret"},
		"interpolation":            {class(`public $secret = "` + hush + `$x";`), "for $secret"},
		"interpolation in braces":  {class(`public $secret = "` + hush + `{$x}";`), "for $secret"},
		"old interpolation":        {class(`public $secret = "` + hush + `${x}";`), "for $secret"},
		"heredoc":                  {class("public $secret = <<<EOT\n" + hush + "\nEOT;"), "for $secret"},
		"command":                  {class("public $secret = `" + hush + "`;"), "for $secret"},
		"malformed code point":     {class("public $secret = \"" + hush + `\u{}";`), `malformed \u escape`},
		"code point too large":     {class("public $secret = \"" + hush + `\u{110000}";`), `malformed \u escape`},
		"code point cut":           {class("public $secret = \"" + hush + `\u{41";`), `malformed \u escape`},
		"malformed number":         {class("public $secret = 12monkeys;"), "expected the end of $secret"},
		"malformed octal":          {class("public $secret = 089;"), "malformed number for $secret"},
		"underscore at the end":    {class("public $secret = 1_;"), "expected the end of $secret"},
		"two underscores":          {class("public $secret = 1__0;"), "expected the end of $secret"},
		"underscore after 0x":      {class("public $secret = 0x_1;"), "expected the end of $secret"},
		"malformed float":          {class("public $secret = 1.2.3;"), "expected the end of $secret"},
		"two signs":                {class("public $secret = --1;"), "expected a number for $secret"},
		"signed string":            {class("public $secret = -'" + hush + "';"), "expected a number for $secret"},
		"brackets that cross":      {class("public $x = array('" + hush + "'];"), "brackets do not match"},
		"too many brackets":        {class("public $x = 1);"), "expected the end of a member"},
		"attribute without end":    {class("#[A(']')\npublic $x;"), "brackets do not match"},
		"open brackets":            {class("public $x = " + strings.Repeat("[", 100_000)), "brackets do not match"},
		"open strings":             {class("public $x = " + strings.Repeat("\"{$a", 65)), "strings nested too deeply"},
		"too many modifiers":       {class(strings.Repeat("public ", 20) + "$x;"), "too many modifiers"},
		"large":                    {class(strings.Repeat(" ", phpconfig.MaxSize)), "larger than 1048576 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			refused(t, test.source, test.want)
		})
	}
}

// refused asserts that the source has an error that begins with, or contains,
// what is wanted.
func refused(t *testing.T, source, want string) {
	t.Helper()
	got, err := texts(source)
	var invalid *phpconfig.Error
	require.True(t, errors.As(err, &invalid), "%v", err)
	assert.Contains(t, err.Error(), want)
	assert.NotContains(t, strings.ToLower(err.Error()), "hush")
	assert.Nil(t, got)
}
