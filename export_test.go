package capi

import "io"

// ReadSiteConfig is LoadSiteConfig of a text.
func ReadSiteConfig(r io.Reader, except ...string) (SiteConfig, error) {
	return readSiteConfig(r, "", except)
}
