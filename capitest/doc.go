// Package capitest makes Joomla sites for tests, as [net/http/httptest] makes
// servers: users, groups and rules, and the cookies and tokens of people who
// are logged in. A [Site] has a [database/sql.DB] and a [capi.SiteConfig], so
// that tests run the service's real code:
//
//	site := capitest.NewSite(t)
//	steve := site.AddUser(capitest.User{Username: "steve", Groups: []int64{capitest.SuperUsers}})
//	handler, err := newService(site.DB(), site.Config()) // the service under test
//	…
//	r := httptest.NewRequest("GET", "/me", nil)
//	r.AddCookie(steve.Cookie())
//
// Rows, cookies, tokens and the contents of sessions are as Joomla and PHP
// write them. The database is in memory and needs no driver. It evaluates the
// part of SELECT that package capi uses, in MySQL's dialect; any other query
// fails with an error that quotes it. Text is compared byte by byte. It is for
// small sites: joins take time in proportion to the product of their rows.
//
// Tests that need no site take less: [capi.Sessions] is a Store, and
// [capi.Store] and [capi.Authorizer] are interfaces with one method.
package capitest
