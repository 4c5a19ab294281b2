package capi_test

import (
	"errors"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/capi-go/capi"
)

// joomla5 is a configuration.php such as Joomla 5 writes it, with more of everything that is not read.
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

func TestReadSiteConfig(t *testing.T) {
	want := capi.SiteConfig{
		DBType:         "mysqli",
		Host:           "localhost:3307",
		User:           "joomla",
		Password:       `it's \ "mine" $ { } ; // # /* */ ?>`,
		DB:             "site",
		DBPrefix:       "j5_",
		Secret:         "RzLnxjfxfS73CDww",
		Lifetime:       15 * time.Minute,
		SessionHandler: "database",
	}
	tests := map[string]string{
		"as Joomla writes it": joomla5,
		"with byte order mark and DOS lines": "\xef\xbb\xbf" +
			strings.ReplaceAll(joomla5, "\n", "\r\n"),
		"closed":               joomla5 + "?>\n",
		"closed, then HTML":    joomla5 + "?><p>class JConfig { public $host = 'no';",
		"after HTML":           "<!DOCTYPE html><?xml version='1.0'?>\n" + joomla5,
		"in upper case":        strings.NewReplacer("<?php", "<?PHP", "class", "CLASS", "public", "Public", "false", "FALSE").Replace(joomla5),
		"as var":               strings.ReplaceAll(joomla5, "public ", "var "),
		"as protected":         strings.ReplaceAll(joomla5, "public ", "protected "),
		"typed":                strings.ReplaceAll(joomla5, "public ", "public ?string "),
		"typed as a union":     strings.ReplaceAll(joomla5, "public ", `final public readonly \Foo\Bar|(A&B)|array|null `),
		"set by the class":     strings.ReplaceAll(joomla5, "public ", "public private(set) "),
		"without line breaks":  strings.ReplaceAll(strings.Join(strings.Fields(joomla5), " "), "offline_message", "o"),
		"with attributes":      strings.ReplaceAll(joomla5, "public ", "#[A(['x' => ']'])] #[B]\npublic "),
		"with comments":        strings.ReplaceAll(joomla5, "public ", "// public $host = 'a'; '\n# \"\n/** public $db = \"*/ public /* ' */ "),
		"in a namespace":       strings.Replace(joomla5, "class", `namespace A\B; use C\{D, E}; declare(strict_types=1); defined('_JEXEC') or die; class`, 1),
		"after another class":  strings.Replace(joomla5, "class", "class Other { public $host = 'other'; function f() { return Foo::class; } }\nfinal class", 1),
		"extending":            strings.Replace(joomla5, "JConfig", `JConfig extends \Foo\Bar implements Baz, Qux`, 1),
		"beside class names":   strings.Replace(joomla5, "class", "$a = Other::class; $b = $a->class; $c = new class JConfig {}; class", 1),
		"after comment's end":  strings.Replace(joomla5, "class", "// ?> class JConfig {'\n<?php # ?>\n<?php class", 1),
		"with other members":   strings.Replace(joomla5, "{\n", otherMembers, 1),
		"with hooks":           strings.Replace(joomla5, "{\n", "{ public string $x { get => 'a'; set { $this->x = \"{$y['}']}\"; } } public $z = 1 { get { return 2; } }\n", 1),
		"several in a list":    strings.Replace(joomla5, "'mysqli';", "'mysqli', $other, $another = array(1, 2), $more = 1 + 2;", 1),
		"with heredocs":        strings.Replace(joomla5, "{\n", "{\npublic $a = <<<EOT\npublic $host = 'x';\n}\n  EOT;\npublic $b = <<<'X'\n' \\ EOT\nX\n;public $c = <<< \"Y\"\n\"\nYY\nY ;\n", 1),
		"static is none of it": strings.Replace(joomla5, "{\n", "{ public static $host = 'other', $db = 1; static $secret = 'x';\n", 1),
	}
	for name, text := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := capi.ReadSiteConfig(strings.NewReader(text))
			require.NoError(t, err)
			assert.Equal(t, withoutNow(want), withoutNow(got))
		})
	}
}

// otherMembers are members of a class that is read, with all that could be taken for something else.
const otherMembers = `{
	use SomeTrait, Other { a as protected b; }
	use Third;
	const HOST = 'x', SECRET = ['}', "{"];
	final public const string DB = 'x' . "$" . PHP_EOL;
	private $unused = self::HOST . 'x' . 1.5e3 . 0x1F . 1_000 << 2;
	public function __construct(public string $host = 'x', private $secret = ['y']) {
		$this->host = "a{$x["b"]}$c[d] ${e} \" \\";
		$y = ` + "`ls \\` '`" + `;
		if ($a < 1 && $b <<= 2) { return; /* } */ }
	}
	abstract protected function &f(): ?static;
	public static function g(): array { return ['}' => '{']; }
`

// withoutNow returns config, whose Now must be nil, as something that can be compared.
func withoutNow(config capi.SiteConfig) any {
	if config.Now != nil {
		return nil
	}
	type fields struct {
		DBType, Host, User, Password, DB, DBPrefix, Secret string
		Lifetime                                           time.Duration
		SessionHandler, SessionName, RootUser              string
	}
	return fields{config.DBType, config.Host, config.User, config.Password, config.DB, config.DBPrefix, config.Secret,
		config.Lifetime, config.SessionHandler, config.SessionName, config.RootUser}
}

// class returns a configuration.php of the given members.
func class(members string) string { return "<?php\nclass JConfig {\n" + members + "\n}\n" }

func TestReadSiteConfigStrings(t *testing.T) {
	tests := []struct{ literal, want string }{
		{`''`, ""},
		{`""`, ""},
		{`'a\'b\\c\n\x41\\'`, `a'b\c\n\x41\`},
		{"'a\nb\r\n'", "a\nb\r\n"},
		{`'$a {$b} ${c}'`, `$a {$b} ${c}`},
		{`"\n\t\r\v\e\f\\\$\""`, "\n\t\r\v\x1b\f\\$\""},
		{`"\0\7\60\101\1011\400\777\8"`, "\x00\x07\x30AA1\x00\xff\\8"},
		{`"\x41\x4\xZ\xg\X41\x414"`, "A\x04\\xZ\\xgAA4"},
		{`"\u{41}\u{e9}\u{1F600}\u{0000041}\u\u41"`, "Aé😀A\\u\\u41"},
		{`"\u{D800}"`, "\xed\xa0\x80"},
		{`"\a\'\q\ "`, `\a\'\q\ `},
		{`"\{$ \{\$a"`, `\{$ \{$a`},
		{`"$ $1 { $} {} $-a $"`, "$ $1 { $} {} $-a $"},
		{`"\$a \{ {\$b}"`, `$a \{ {$b}`},
		{`"` + "\x00\xff" + `é"`, "\x00\xffé"},
		{`42`, "42"},
		{`-42`, "-42"},
		{`+42`, "42"},
		{`- 0x1A`, "-26"},
		{`0b101`, "5"},
		{`017`, "15"},
		{`0o17`, "15"},
		{`0`, "0"},
		{`1_000`, "1000"},
		{`0x1_F`, "31"},
		{`1.5`, "1.5"},
		{`.5`, "0.5"},
		{`1.`, "1"},
		{`15.0`, "15"},
		{`1e3`, "1000"},
		{`1E-1`, "0.1"},
		{`9223372036854775808`, "9.223372036854776e+18"},
		{`true`, "1"},
		{`False`, ""},
		{`NULL`, ""},
		{`Null`, ""},
	}
	for _, test := range tests {
		t.Run(test.literal, func(t *testing.T) {
			got, err := capi.ReadSiteConfig(strings.NewReader(class("public $secret = " + test.literal + ";")))
			require.NoError(t, err)
			assert.Equal(t, test.want, got.Secret)
		})
	}
}

func TestReadSiteConfigLifetime(t *testing.T) {
	tests := []struct {
		literal string
		want    time.Duration
	}{
		{`15`, 15 * time.Minute},
		{`'15'`, 15 * time.Minute},
		{`' 15 '`, 15 * time.Minute},
		{`1.5`, 90 * time.Second},
		{`"1e2"`, 100 * time.Minute},
		{`0`, 0},
		{`''`, 0},
		{`null`, 0},
		{`false`, 0},
		{`true`, time.Minute},
		{`525600`, 365 * 24 * time.Hour},
		{`99999999999`, math.MaxInt64},
		{`'1e400'`, math.MaxInt64},
	}
	for _, test := range tests {
		t.Run(test.literal, func(t *testing.T) {
			got, err := capi.ReadSiteConfig(strings.NewReader(class("public $lifetime = " + test.literal + ";")))
			require.NoError(t, err)
			assert.Equal(t, test.want, got.Lifetime)
		})
	}
}

func TestReadSiteConfigOfLittle(t *testing.T) {
	for name, text := range map[string]string{
		"nothing":        class(""),
		"unset":          class("public $secret; public ?int $lifetime, $host;"),
		"of other names": class("public $Secret = 'x'; public $SECRET = 'y'; public $secret_ = 'z';"),
	} {
		t.Run(name, func(t *testing.T) {
			got, err := capi.ReadSiteConfig(strings.NewReader(text))
			require.NoError(t, err)
			assert.Equal(t, withoutNow(capi.SiteConfig{}), withoutNow(got))
		})
	}
	got, err := capi.ReadSiteConfig(strings.NewReader(class("public $root_user = 42; public $session_name = 'shared';")))
	require.NoError(t, err)
	assert.Equal(t, "42", got.RootUser)
	assert.Equal(t, "shared", got.SessionName)
}

func TestReadSiteConfigErrors(t *testing.T) {
	const hush = "hush-hush" // Whatever the text holds, the error does not.
	tests := map[string]struct{ text, want string }{
		"empty":                    {"", "line 1: no class JConfig"},
		"no PHP":                   {"class JConfig { public $secret = '" + hush + "'; }", "no class JConfig"},
		"another class":            {"<?php\n\nclass Config {}\n", "line 4: no class JConfig"},
		"two classes":              {class("") + "class JConfig {}", "line 5: a second class JConfig"},
		"cut in a string":          {"<?php class JConfig {\n public $secret = '" + hush, "line 2: unterminated string"},
		"cut in a double quoted":   {"<?php class JConfig {\n\n public $secret = \"" + hush + `\"`, "line 3: unterminated string"},
		"cut after a backslash":    {"<?php class JConfig { public $secret = '" + hush + `\`, "line 1: unterminated string"},
		"cut after a \" backslash": {"<?php class JConfig { public $secret = \"" + hush + `\`, "line 1: unterminated string"},
		"cut in a comment":         {class("/* " + hush), "line 3: unterminated comment"},
		"cut in a heredoc":         {class("public $x = <<<EOT\n" + hush), "line 3: unterminated heredoc"},
		"cut in an array":          {"<?php class JConfig { public $x = array('" + hush + "', ", "brackets do not match"},
		"cut before a value":       {"<?php class JConfig { public $secret =", "expected a string, a number, a boolean or null for $secret"},
		"cut before a semicolon":   {"<?php class JConfig { public $secret = '" + hush + "'", "expected the end of $secret"},
		"cut after a member":       {"<?php class JConfig { public $secret = '" + hush + "';", "expected a member of class JConfig"},
		"cut in another's value":   {"<?php class JConfig { public $x = '" + hush + "'", "expected the end of a member"},
		"cut in the head":          {"<?php class JConfig extends", "expected the body of class JConfig"},
		"cut in a list":            {"<?php class JConfig { public $x,", "expected a property"},
		"no semicolon":             {class("public $secret = '" + hush + "'\npublic $x;"), "line 4: expected the end of $secret"},
		"two in old Mac lines":     {class("public $x;\rpublic $secret = '" + hush + "'\r'';"), "line 5: expected the end of $secret"},
		"no modifier":              {class("$secret = '" + hush + "';"), "line 3: expected a member of class JConfig"},
		"a statement":              {class("echo '" + hush + "';"), "line 3: expected a member"},
		"closing tag inside":       {class("?> " + hush + " <?php"), "line 3: expected a member"},
		"closing tag in a value":   {class("public $x = 1 ?>"), "line 3: expected the end of a member"},
		"set twice":                {class("public $secret = '" + hush + "';\npublic $secret = 'x';"), "line 4: a second $secret"},
		"array":                    {class("public $secret = ['" + hush + "'];"), "for $secret"},
		"constant":                 {class("public $secret = " + "HUSH;"), "for $secret"},
		"concatenation":            {class("public $secret = '" + hush + "' . 'x';"), "expected the end of $secret"},
		"interpolation":            {class(`public $secret = "` + hush + `$x";`), "for $secret"},
		"interpolation in braces":  {class(`public $secret = "` + hush + `{$x}";`), "for $secret"},
		"old interpolation":        {class(`public $secret = "` + hush + `${x}";`), "for $secret"},
		"heredoc":                  {class("public $secret = <<<EOT\n" + hush + "\nEOT;"), "for $secret"},
		"command":                  {class("public $secret = `" + hush + "`;"), "for $secret"},
		"malformed code point":     {class("public $secret = \"" + hush + `\u{}";`), `malformed \u escape`},
		"code point too large":     {class("public $secret = \"" + hush + `\u{110000}";`), `malformed \u escape`},
		"code point cut":           {class("public $secret = \"" + hush + `\u{41";`), `malformed \u escape`},
		"malformed number":         {class("public $secret = 12monkeys;"), "malformed number for $secret"},
		"malformed octal":          {class("public $secret = 089;"), "malformed number for $secret"},
		"underscore at the end":    {class("public $secret = 1_;"), "malformed number for $secret"},
		"two underscores":          {class("public $secret = 1__0;"), "malformed number for $secret"},
		"underscore after 0x":      {class("public $secret = 0x_1;"), "malformed number for $secret"},
		"malformed float":          {class("public $secret = 1.2.3;"), "malformed number for $secret"},
		"two signs":                {class("public $secret = --1;"), "expected a number for $secret"},
		"signed string":            {class("public $secret = -'" + hush + "';"), "expected a number for $secret"},
		"lifetime of words":        {class("public $lifetime = '" + hush + "';"), "$lifetime is not a number"},
		"lifetime in PHP's hex":    {class("public $lifetime = '0x10';"), "$lifetime is not a number"},
		"infinite lifetime":        {class("public $lifetime = 'inf';"), "$lifetime is not a number"},
		"negative lifetime":        {class("public $lifetime = -1;"), "$lifetime is negative"},
		"brackets that cross":      {class("public $x = array('" + hush + "'];"), "brackets do not match"},
		"too many brackets":        {class("public $x = 1);"), "expected the end of a member"},
		"attribute without end":    {class("#[A(']')\npublic $x;"), "brackets do not match"},
		"open brackets":            {class("public $x = " + strings.Repeat("[", 100_000)), "brackets do not match"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := capi.ReadSiteConfig(strings.NewReader(test.text))
			require.ErrorIs(t, err, capi.ErrConfiguration)
			assert.Contains(t, err.Error(), test.want)
			assert.NotContains(t, strings.ToLower(err.Error()), "hush")
			assert.Equal(t, withoutNow(capi.SiteConfig{}), withoutNow(got), "nothing of a malformed text is returned")
		})
	}
}

func TestReadSiteConfigIsBounded(t *testing.T) {
	const limit = 1 << 20
	text := joomla5 + "//" + strings.Repeat("x", limit-len(joomla5)-2)
	require.Len(t, text, limit)
	_, err := capi.ReadSiteConfig(strings.NewReader(text))
	require.NoError(t, err)

	_, err = capi.ReadSiteConfig(strings.NewReader(text + "x"))
	require.ErrorIs(t, err, capi.ErrConfiguration)

	endless := iotest.DataErrReader(readerFunc(func(p []byte) (int, error) { return len(p), nil }))
	_, err = capi.ReadSiteConfig(endless)
	require.ErrorIs(t, err, capi.ErrConfiguration)

	broken := errors.New("broken")
	_, err = capi.ReadSiteConfig(io.MultiReader(strings.NewReader(joomla5), iotest.ErrReader(broken)))
	require.ErrorIs(t, err, broken)
	assert.NotErrorIs(t, err, capi.ErrConfiguration)
}

type readerFunc func(p []byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

func TestLoadSiteConfig(t *testing.T) {
	path := filepath.Join(t.TempDir(), "configuration.php")
	_, err := capi.LoadSiteConfig(path)
	require.ErrorIs(t, err, fs.ErrNotExist)

	require.NoError(t, os.WriteFile(path, []byte(joomla5), 0o600))
	got, err := capi.LoadSiteConfig(path)
	require.NoError(t, err)
	assert.Equal(t, "j5_", got.DBPrefix)

	_, err = capi.LoadSiteConfig(filepath.Dir(path))
	require.Error(t, err, "a directory")
}
