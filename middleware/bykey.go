package middleware

import "net/http"

// ByKey returns a key function for LimitBy that cannot fail, such as one that returns the
// ID of the user who is logged in. An empty key is answered with 400.
func ByKey(key func(*http.Request) string) func(*http.Request) (string, error) {
	return func(r *http.Request) (string, error) { return key(r), nil }
}
