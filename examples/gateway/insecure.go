package main

import (
	"fmt"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/middleware"
)

const insecureHelp = "what becomes of requests that come over plain HTTP, where others can read their keys: `warn` to serve them and warn once in the log, " +
	`allow, refuse (403 for every key), or revoke (403, and the key is disabled).
The gateway has no TLS, so all requests are plain, except those from the loopback
and from a proxy of -trusted that says https in X-Forwarded-Proto, or in Forwarded
with -forwarded.`

func (cfg *config) checkInsecure() error {
	switch cfg.insecure {
	case "warn", "allow", "refuse", "revoke":
		return nil
	}
	return fmt.Errorf("-insecure %q: want warn, allow, refuse or revoke", cfg.insecure)
}

// plainHTTP returns what the middleware does with requests over plain HTTP.
func (cfg *config) plainHTTP(keys *apikey.Service) (i middleware.Insecure) {
	switch cfg.insecure {
	case "allow":
		i.Allow = true
	case "refuse":
		i.Refuse = true
	case "revoke":
		i.Refuse, i.Revoke = true, keys.Revoke
	}
	return i
}
