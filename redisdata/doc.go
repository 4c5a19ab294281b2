// Package redisdata reads the sessions of Joomla sites whose $session_handler
// is "redis", for package capi: from one server, from the master that Sentinel
// names, or from a Cluster.
//
//	config, err := capi.LoadSiteConfig("/var/www/site/configuration.php")
//	data, err := redisdata.Open(config) // or redisdata.New(client)
//	site, err := capi.SiteOptions{SessionData: data}.NewSite(db, config)
//
// A [Data] answers which sessions live, and what they hold. A [Store] lists the
// sessions of a site with $session_metadata off, which no table knows. Both
// read only: the commands GET, MGET, GETRANGE, STRLEN, EXISTS and SCAN, and on
// a Cluster what go-redis asks to find the nodes, are all that an account
// needs.
//
// # Joomla 3
//
// The keys of Joomla 3.x are others than those of 4 to 6. [capi.Site] finds out
// which Joomla a site is and asks for the right ones (see [Data.ForJoomla]),
// unless [Options] has a Prefix.
//
// # Errors and logs
//
// Errors hold no keys, values or passwords; they may hold the address of a
// server. go-redis itself logs some troubles with connections to standard
// error; see its function SetLogger.
package redisdata
