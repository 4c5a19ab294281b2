package phpconfig_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Each of these makes, or could make, the object in PHP differ from the
// defaults of its class.
func TestPropertiesRefusesCodeThatAssigns(t *testing.T) {
	const may = "line 4: code outside the properties names $host and may assign it"
	inConstructor := func(code string) string {
		return class("public function __construct() {\n" + code + "\n}\npublic $host = 'left-over';")
	}
	behind := func(code string) string { return class("public $host = 'left-over';") + code }
	for name, test := range map[string]struct{ source, want string }{
		"constructor":              {inConstructor("$this->host = getenv('HOST');"), may},
		"other method":             {class("function load() {\n$this->host = 1; }"), may},
		"nullsafe":                 {inConstructor("$x = [$this?->host];"), may},
		"with space":               {inConstructor("$this /* a */ -> /* b */ host /* c */ = 1;"), may},
		"appended":                 {inConstructor("$this->host .= 'x';"), may},
		"element":                  {inConstructor("$this->host[0] = 'x';"), may},
		"by reference":             {inConstructor("$x = &$this->host; $x = 1;"), may},
		"argument":                 {inConstructor("sscanf('a', '%s', $this->host);"), may},
		"list":                     {inConstructor("[$this->host] = ['x'];"), may},
		"loop":                     {inConstructor("foreach (['x'] as $this->host) {}"), may},
		"unset":                    {inConstructor("unset($this->host);"), may},
		"in a string":              {inConstructor(`$x = "{$f($this->host = 'x')}";`), may},
		"in a string in a string":  {inConstructor(`$x = "{$f("{$f($this->host = 'x')}")}";`), may},
		"in a heredoc":             {inConstructor("$x = <<<X\n{$f($this->host = 'x')}\nX;"), "line 5: code"},
		"in a command":             {inConstructor("`{$f($this->host = 'x')}`;"), may},
		"in a hook":                {class("public $x {\nget { return $this->host = 1; } }"), may},
		"through a copy":           {inConstructor("$x = $this; $x->host = 1;"), "line 4: class JConfig passes $this to"},
		"variable name":            {inConstructor("$this->$x = 1;"), "line 4: code outside the properties computes the name of a property"},
		"variable's variable name": {inConstructor("$this->$$x = 1;"), "may assign any"},
		"computed name":            {inConstructor("$this->{'ho' . 'st'} = 1;"), "may assign any"},
		"every name":               {inConstructor("foreach ($_ENV as $k => $this->{$k}) {}"), "may assign any"},
		"every property":           {inConstructor("foreach ($this as &$v) { $v = 1; }"), "passes $this to"},
		"handed on":                {inConstructor("load($this);"), "passes $this to"},
		"handed on at the end":     {inConstructor("$x = fn() => $this"), "passes $this to"},
		"included":                 {inConstructor("include 'secrets.php';"), "runs code from elsewhere"},
		"required once":            {inConstructor("Require_Once('secrets.php');"), "runs code from elsewhere"},
		"evaluated":                {inConstructor("eval('$th' . 'is->host = 1;');"), "runs code from elsewhere"},
		"parent class":             {"<?php\nclass JConfig\nextends Base { public $host = 'x'; }", "line 3: class JConfig has a parent class"},
		"trait":                    {class("use Base;\npublic $host = 'x';"), "line 3: class JConfig uses a trait"},
		"promoted":                 {class("function __construct(\npublic string $host = 'x') {}"), "line 4: $host is a promoted parameter"},
		"promoted, read only":      {class("function __construct(array $x = [1, 2],\nreadonly string $host = 'x') {}"), "line 4: $host is a promoted"},
		"promoted, set":            {class("function __construct(\n#[A] Private(SET) string $host) {}"), "line 4: $host is a promoted"},
		"hooks":                    {class("public $host = 'x' { get => 'y'; }"), "line 3: $host has hooks"},
		"virtual":                  {class("public $host { get => 'y'; }"), "line 3: $host has hooks"},
		"protected":                {class("protected $host = 'x';"), "line 3: $host is not public"},
		"private":                  {class("private ?string $x, $host = 'x';"), "line 3: $host is not public"},
		"behind the class":         {behind("$config = new JConfig; $config->host = 'x';"), "line 5: code outside the properties names $host"},
		"of a new object":          {behind("(new JConfig)->host = 'x';"), "line 5: code"},
		"of a global":              {behind("$GLOBALS['config']->host = 'x';"), "line 5: code"},
		"in another language tag":  {behind("?><?= $config->host = 'x' ?>"), "line 5: code"},
		"behind a comment's end":   {behind("// ?> <?php $config->host = 'x';"), "line 5: code"},
		"behind, computed":         {behind("foreach ($_ENV as $k => $v) $config->$k = $v;"), "line 5: code"},
		"in front of the class":    {"<?php\n$config->host = 'x';\nclass JConfig {}", "line 2: code"},
		"at the very end":          {behind("$config->host"), "line 5: code"},
	} {
		t.Run(name, func(t *testing.T) {
			refused(t, test.source, test.want)
		})
	}
}

func TestPropertiesAcceptsOtherCode(t *testing.T) {
	for name, source := range map[string]string{
		"other properties":    class("public $host = 'x'; function __construct() { $this->offline = 1; $this->x['host'] = 2; }"),
		"methods":             class("public $host = 'x'; function __construct() { $this->host(); $this->user('x'); }"),
		"variables":           class("public $host = 'x'; function __construct($host, &$user) { $host = $user; self::$host = 1; }"),
		"text":                class("public $host = 'x'; function f() { return \"$this->host\" . '$this->host = 1' . <<<'X'\n{$this->host}\nX; }"),
		"promoted others":     class("public $host = 'x'; function __construct(public $x = [1], $host = 2, private(set) $y = 3) {}"),
		"included in front":   "<?php require 'x.php';" + class("public $host = 'x';")[5:],
		"methods named so":    class("public $host = 'x'; function f() { $x->include(); X::eval(); }"),
		"comments":            class("public $host = 'x'; // $this->host = 1;\n/* $this->host = 1; */ # $this->host = 1;"),
		"property of no name": class("public $host = 'x';") + "$config->hostname = 1; $config->Host = 1;",
	} {
		t.Run(name, func(t *testing.T) {
			got, err := texts(source)
			require.NoError(t, err)
			assert.Equal(t, map[string]string{"host": "x"}, got)
		})
	}
}
