// Package admin serves an admin page for API keys and usage plans: what they use, which
// limits refuse, and the common actions on keys.
//
//	page, err := admin.New(keys, plans, groups, g, people, admin.Config{})
//	mux.Handle("/usage", page)
//	mux.Handle("/usage/", page)
//
// A [Handler] is an http.Handler over an apikey.Service, a usageplan.Service,
// usageplan.Groups and a gate.Gate. It renders HTML on the server. The pages have no
// script.
//
// # Safety
//
// [New] requires an [Authenticator], so a page is never open by mistake. [Basic] is one
// for a few people with passwords. For single sign-on, put a proxy before the page and
// use an [AuthFunc]: see docs/admin-page.md.
//
// Every request that changes something passes http.CrossOriginProtection, and carries a
// token of the form that it comes from. A strict Content-Security-Policy forbids scripts,
// frames and everything that is not of the page.
//
// A secret is shown once, in the answer to the form that creates or rotates the key. It
// is never part of a URL, and no cache keeps it.
//
// Caution: passwords, secrets and the page itself need TLS, unless the page listens on
// the loopback.
package admin
