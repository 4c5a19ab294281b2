package capi

import "io"

// ReadSiteConfig is LoadSiteConfig of a text.
func ReadSiteConfig(r io.Reader, except ...string) (SiteConfig, error) {
	return readSiteConfig(r, "", except)
}

// Refusals of this package, one of a user and one of credentials.
var (
	SecondFactorRefusal error = errSecondFactor
	ExpiredRefusal      error = errExpired
)
