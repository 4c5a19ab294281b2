package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/capi-go/capi"
)

// A hostsFlag is the values of -db-host: lists of hosts by the names of sites,
// with that of all others under the empty name.
type hostsFlag map[string]string

// add adds a value: a list, or NAME= and a list.
func (f hostsFlag) add(text string) error {
	name, list, named := strings.Cut(text, "=")
	if !named {
		name, list = "", text
	}
	for host := range strings.SplitSeq(list, ",") {
		if strings.TrimSpace(host) == "" {
			return errors.New("a host is missing")
		}
	}
	if _, ok := f[name]; ok {
		return errors.New("it is given twice for the same sites: separate hosts by commas")
	}
	f[name] = list
	return nil
}

// validate returns an error for a name that is not that of one of the sites.
func (f hostsFlag) validate(sites []siteFile) error {
	names := map[string]bool{"": true}
	for _, site := range sites {
		names[site.name] = true
	}
	for name := range f {
		if !names[name] {
			return fmt.Errorf("flag -db-host: no -config has the name %q", name)
		}
	}
	return nil
}

// of returns what the flag says for a site, or empty.
func (f hostsFlag) of(site siteFile) string {
	if list, ok := f[site.name]; ok {
		return list
	}
	return f[""]
}

// eachHost returns config once for each host that $host names, with commas
// between them.
func eachHost(config capi.SiteConfig) []capi.SiteConfig {
	var all []capi.SiteConfig
	for host := range strings.SplitSeq(config.Host, ",") {
		one := config
		one.Host = strings.TrimSpace(host)
		all = append(all, one)
	}
	return all
}
