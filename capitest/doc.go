// Package capitest makes Joomla sites for tests, as [net/http/httptest] makes
// servers: users, groups and rules, and the cookies and tokens of people who
// are logged in. A [Site] is a [database/sql.DB] and a [capi.SiteConfig], so
// that a service is tested with the code that it runs with:
//
//	site := capitest.NewSite(t)
//	steve := site.AddUser(capitest.User{Username: "steve", Groups: []int64{capitest.SuperUsers}})
//	handler, err := newService(site.DB(), site.Config()) // the service under test
//	…
//	r := httptest.NewRequest("GET", "/me", nil)
//	r.AddCookie(steve.Cookie())
//
// Rows, cookies, tokens and what sessions hold are as Joomla and PHP write
// them. The database is in memory and needs no driver. It evaluates SELECT as
// far as package capi uses it, in the dialect of MySQL, by what a query says: a
// query that it does not know fails with an error that quotes it. Text is
// compared byte by byte. It is for small sites: joins take time in proportion
// to the product of their rows.
//
// What needs no site is tested with less: [capi.Sessions] is a Store, and
// [capi.Store] and [capi.Authorizer] are interfaces of one method.
package capitest
