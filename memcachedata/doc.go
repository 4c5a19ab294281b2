// Package memcachedata reads the sessions of Joomla sites whose
// $session_handler is "memcached", for package capi.
//
//	config, err := capi.LoadSiteConfig("/var/www/site/configuration.php")
//	data, err := memcachedata.Open(config) // or memcachedata.New(client)
//	site, err := capi.SiteOptions{SessionData: data}.NewSite(db, config)
//
// # Values
//
// PHP's extension memcached compresses what is longer than 2,000 bytes
// (memcached.compression_threshold), unless told otherwise: by FastLZ, or by
// zlib where memcached.compression_type says so. Both are read, as the flags of
// an item tell; so are the values of Joomla 3.x, which PHP's session handler
// does not compress. A value that is compressed in another way is an error.
//
// # Several servers
//
// configuration.php names one server. Where sessions are spread over several,
// such as by PHP's session.save_path of a 3.x site, a client must look for a
// key where PHP has put it: give [New] a client made by
// memcache.NewFromSelector, with a selector that picks servers as PHP's
// memcached.sess_consistent_hash has it. The selector of memcache.New, by
// CRC-32, does not. A session looked for at the wrong server is none.
//
// # Sites without session metadata
//
// Memcached cannot list its keys, so there is no Store for sites with
// $session_metadata off.
//
// # Errors
//
// Errors hold no keys or values; they may hold the address of a server.
package memcachedata
