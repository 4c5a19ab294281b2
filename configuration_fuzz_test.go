package capi_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/capi-go/capi"
)

// FuzzReadSiteConfig holds the reader of configuration.php to giving either a configuration or an error of its own kind,
// and to reading what it read again from a file that is written as Joomla writes it.
func FuzzReadSiteConfig(f *testing.F) {
	f.Add(joomla5)
	f.Add(strings.Replace(joomla5, "{\n", otherMembers, 1))
	f.Add("\xef\xbb\xbf<?php #[A]\nclass JConfig { var $host = \"\\x41\\u{e9}\\101\", $x = <<<A\n A\n; }")
	f.Add("<html><?php class JConfig { public static ?int $lifetime = -0x1_F; public $db = .5e-3 ; } ?>")
	f.Fuzz(func(t *testing.T, text string) {
		config, err := capi.ReadSiteConfig(strings.NewReader(text))
		if err != nil {
			if !errors.Is(err, capi.ErrConfiguration) {
				t.Fatalf("an error of another kind: %v", err)
			}
			if withoutNow(config) != withoutNow(capi.SiteConfig{}) {
				t.Fatal("a configuration with an error")
			}
			return
		}
		again, err := capi.ReadSiteConfig(strings.NewReader(written(config)))
		if err != nil {
			t.Fatal(err)
		}
		config.Lifetime, again.Lifetime = 0, 0 // Tested for elsewhere.
		if withoutNow(config) != withoutNow(again) {
			t.Fatalf("%#v is read again as %#v", withoutNow(config), withoutNow(again))
		}
	})
}

// FuzzReadSiteConfigValue holds the reader to giving every value as it was written, and to no value being able to change
// another one.
func FuzzReadSiteConfigValue(f *testing.F) {
	f.Add("it's", `a\`, "?>")
	f.Add(`\'; public $host = 'x'; //`, "/*", "\x00\xff\r\n")
	f.Fuzz(func(t *testing.T, secret, password, host string) {
		config := capi.SiteConfig{Secret: secret, Password: password, Host: host}
		got, err := capi.ReadSiteConfig(strings.NewReader(written(config)))
		if err != nil {
			t.Fatal(err)
		}
		if withoutNow(got) != withoutNow(config) {
			t.Fatalf("%#v is read as %#v", withoutNow(config), withoutNow(got))
		}
	})
}

// written returns a configuration.php that says what config does, but for the lifetime.
func written(config capi.SiteConfig) string {
	text := "<?php\nclass JConfig {\n"
	for _, property := range []struct{ name, value string }{
		{"dbtype", config.DBType}, {"host", config.Host}, {"user", config.User}, {"password", config.Password},
		{"db", config.DB}, {"dbprefix", config.DBPrefix}, {"secret", config.Secret},
		{"session_handler", config.SessionHandler}, {"session_name", config.SessionName}, {"root_user", config.RootUser},
	} {
		value := strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(property.value)
		text += "\tpublic $" + property.name + " = '" + value + "';\n"
	}
	return text + "}\n"
}
