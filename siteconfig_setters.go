package capi

import (
	"cmp"
	"errors"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/capi-go/capi/internal/joomla"
	"github.com/capi-go/capi/internal/phpconfig"
)

// A siteConfigSetter sets a field to the value of a property.
type siteConfigSetter func(*SiteConfig, phpconfig.Value) error

// siteConfigSetters has a setter for each property, by name.
var siteConfigSetters = map[string]siteConfigSetter{
	"dbtype":                        setText(func(c *SiteConfig) *string { return &c.DBType }),
	"host":                          setText(func(c *SiteConfig) *string { return &c.Host }),
	"user":                          setText(func(c *SiteConfig) *string { return &c.User }),
	"password":                      setSecret(func(c *SiteConfig) *Secret { return &c.Password }),
	"db":                            setText(func(c *SiteConfig) *string { return &c.DB }),
	"dbprefix":                      setText(func(c *SiteConfig) *string { return &c.DBPrefix }),
	"dbencryption":                  setEncryption,
	"dbsslkey":                      setText(func(c *SiteConfig) *string { return &c.DBSSLKey }),
	"dbsslcert":                     setText(func(c *SiteConfig) *string { return &c.DBSSLCert }),
	"dbsslca":                       setText(func(c *SiteConfig) *string { return &c.DBSSLCA }),
	"dbsslcipher":                   setText(func(c *SiteConfig) *string { return &c.DBSSLCipher }),
	"dbsslverifyservercert":         setBool(func(c *SiteConfig) *bool { return &c.DBSSLVerifyServerCert }),
	"secret":                        setSecret(func(c *SiteConfig) *Secret { return &c.Secret }),
	"root_user":                     setText(func(c *SiteConfig) *string { return &c.RootUser }),
	"lifetime":                      setLifetime,
	"session_handler":               setText(func(c *SiteConfig) *string { return &c.SessionHandler }),
	"session_name":                  setText(func(c *SiteConfig) *string { return &c.SessionName }),
	"shared_session":                setBool(func(c *SiteConfig) *bool { return &c.SharedSession }),
	"session_metadata":              setMetadata,
	"session_filesystem_path":       setText(func(c *SiteConfig) *string { return &c.SessionFilesystemPath }),
	"session_redis_server_host":     setText(func(c *SiteConfig) *string { return &c.SessionRedisHost }),
	"session_redis_server_port":     setCast(func(c *SiteConfig) *int { return &c.SessionRedisPort }),
	"session_redis_server_db":       setCast(func(c *SiteConfig) *int { return &c.SessionRedisDB }),
	"session_redis_server_auth":     setSecret(func(c *SiteConfig) *Secret { return &c.SessionRedisAuth }),
	"session_memcached_server_host": setText(func(c *SiteConfig) *string { return &c.SessionMemcachedHost }),
	"session_memcached_server_port": setCast(func(c *SiteConfig) *int { return &c.SessionMemcachedPort }),
}

func setText(field func(*SiteConfig) *string) siteConfigSetter {
	return func(c *SiteConfig, value phpconfig.Value) error {
		*field(c) = value.Text
		return nil
	}
}

func setSecret(field func(*SiteConfig) *Secret) siteConfigSetter {
	return func(c *SiteConfig, value phpconfig.Value) error {
		*field(c) = NewSecret(value.Text)
		return nil
	}
}

// setBool converts as PHP does: the empty string and zero are false.
func setBool(field func(*SiteConfig) *bool) siteConfigSetter {
	return func(c *SiteConfig, value phpconfig.Value) error {
		zero := value.Text == "0" || value.Kind == phpconfig.Float && value.Text == "-0"
		*field(c) = value.Text != "" && !zero
		return nil
	}
}

// setMetadata treats the empty string as Joomla's default, as Registry::get
// does.
func setMetadata(c *SiteConfig, value phpconfig.Value) error {
	if value.Kind == phpconfig.String && value.Text == "" {
		return nil
	}
	err := setBool(func(c *SiteConfig) *bool { return &c.SessionMetadataOff })(c, value)
	c.SessionMetadataOff = !c.SessionMetadataOff
	return err
}

// setCast converts like PHP's (int), and so never fails: few sites use these
// numbers, and their session handlers validate them.
func setCast(field func(*SiteConfig) *int) siteConfigSetter {
	return func(c *SiteConfig, value phpconfig.Value) error {
		*field(c) = int(min(max(joomla.CastInteger(value.Text), math.MinInt32), math.MaxInt32))
		return nil
	}
}

// setEncryption refuses what is not a number. PHP's (int) makes it 0, a
// connection in clear text.
func setEncryption(c *SiteConfig, value phpconfig.Value) error {
	text := strings.Trim(value.Text, joomla.NumericSpace)
	if text == "" {
		return nil
	}
	number, err := strconv.ParseInt(text, 10, 32)
	if err != nil {
		return errors.New("is not a whole number")
	}
	if number < 0 {
		return errors.New("is negative")
	}
	c.DBEncryption = int(number)
	return nil
}

// setLifetime converts a number of minutes. One that a Duration cannot hold
// becomes the longest Duration. It refuses what is not a number, which PHP
// refuses to multiply, and also text that begins with one ("15x"), which could
// mean a longer lifetime than intended.
func setLifetime(c *SiteConfig, value phpconfig.Value) error {
	if strings.Trim(value.Text, joomla.NumericSpace) == "" {
		return nil
	}
	number, ok := joomla.ParseNumber(value.Text)
	if !ok {
		return errors.New("is not a number")
	}
	if number < 0 {
		return errors.New("is negative")
	}
	c.Lifetime = math.MaxInt64
	if number < float64(math.MaxInt64/time.Minute) {
		c.Lifetime = time.Duration(number * float64(time.Minute))
	}
	return nil
}

// byLine returns the names of the values in the order of the file.
func byLine(values map[string]phpconfig.Value) []string {
	return slices.SortedFunc(maps.Keys(values), func(a, b string) int {
		return cmp.Or(cmp.Compare(values[a].Line, values[b].Line), cmp.Compare(a, b))
	})
}
