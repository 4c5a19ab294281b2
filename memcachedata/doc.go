// Package memcachedata reads the sessions of Joomla sites whose
// $session_handler is "memcached", for package capi.
//
//	config, err := capi.LoadSiteConfig("/var/www/site/configuration.php")
//	data, err := memcachedata.Open(config) // or memcachedata.New(client)
//	site, err := capi.SiteOptions{SessionData: data}.NewSite(db, config)
//
// # Values
//
// PHP's extension memcached compresses values longer than 2,000 bytes by
// default (memcached.compression_threshold), with FastLZ or, if
// memcached.compression_type says so, with zlib. This package reads both,
// according to the flags of an item, and the values of Joomla 3.x, which PHP's
// session handler does not compress. Any other compression is an error.
//
// # Several servers
//
// configuration.php names one server. If sessions are spread over several, such
// as by PHP's session.save_path of a 3.x site, a client must look for a key
// where PHP has put it: give [New] a client made by memcache.NewFromSelector,
// with a selector that picks servers like PHP's memcached.sess_consistent_hash.
// The selector of memcache.New, by CRC-32, does not. On the wrong server, a
// session does not exist.
//
// # Sites without session metadata
//
// Memcached cannot list its keys, so there is no Store for sites with
// $session_metadata off.
//
// # Errors
//
// Errors contain no keys or values, but may contain the address of a server.
package memcachedata
