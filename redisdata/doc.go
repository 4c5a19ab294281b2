// Package redisdata reads the sessions of Joomla sites whose $session_handler
// is "redis", for package capi: from one server, from the master that Sentinel
// names, or from a Cluster.
//
//	config, err := capi.LoadSiteConfig("/var/www/site/configuration.php")
//	data, err := redisdata.Open(config) // or redisdata.New(client)
//	site, err := capi.SiteOptions{SessionData: data}.NewSite(db, config)
//
// A [Data] reads what sessions hold, and knows which of them are live. A
// [Store] lists the sessions of a site with $session_metadata off, which are in
// no table. Both only read: an account needs the commands GET, MGET, GETRANGE,
// STRLEN, EXISTS and SCAN, and on a Cluster CLUSTER NODES and those that go-redis
// uses to find the nodes.
//
// # Joomla 3
//
// The keys of Joomla 3.x differ from those of 4 to 6. [capi.Site] detects the
// version of Joomla and reads the right ones (see [Data.ForJoomla]), unless
// [Options] has a Prefix.
//
// # Errors and logs
//
// Errors contain no keys, values or passwords, but may contain the address of a
// server. go-redis itself logs some connection problems to standard error; see
// its function SetLogger.
package redisdata
