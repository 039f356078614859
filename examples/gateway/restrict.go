package main

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/ration-go/ration/apikey"
)

const scopeHelp = "a route and the scope that it needs, as `PATTERN=SCOPE`, such as \"POST /orders=orders:write\"; may be repeated. " +
	"The route is also a -route. With \"/=SCOPE\" all other routes need a scope, too. A key without the scope is refused with 403. " +
	"See docs/scopes-and-networks.md"

const trustedHelp = "a `network` of proxies, such as 10.0.0.0/8, that are believed when they name the client's address; may be repeated. " +
	"Keys that have networks are checked by that address. The proxies also say whether the client used HTTPS: see -insecure"

const forwardedHelp = "the proxies of -trusted write Forwarded (RFC 7239) and not X-Forwarded-For"

// A restriction is what the flags say of scopes and addresses.
type restriction struct {
	scopes    map[string]string // by the pattern of a route
	trusted   []netip.Prefix
	forwarded bool
}

// addScope reads a flag -scope. The scope is what follows the last '='.
func (cfg *config) addScope(text string) error {
	i := strings.LastIndexByte(text, '=')
	if i <= 0 {
		return errors.New("want PATTERN=SCOPE")
	}
	pattern, scope := text[:i], text[i+1:]
	if err := apikey.CheckScope(scope); err != nil {
		return err
	}
	if cfg.scopes == nil {
		cfg.scopes = map[string]string{}
	}
	if _, twice := cfg.scopes[pattern]; twice {
		return fmt.Errorf("%q: want each route once", pattern)
	}
	cfg.scopes[pattern] = scope
	return nil
}

// addTrusted reads a flag -trusted.
func (cfg *config) addTrusted(text string) error {
	p, err := netip.ParsePrefix(text)
	if err != nil {
		return errors.New("want a network such as 10.0.0.0/8")
	}
	cfg.trusted = append(cfg.trusted, p)
	return nil
}

// setRestriction makes the routes of scopes known, and checks what flags need others.
func (cfg *config) setRestriction() error {
	for pattern := range cfg.scopes {
		if pattern != anyRoute && !slices.Contains(cfg.routes, pattern) {
			cfg.routes = append(cfg.routes, pattern)
		}
	}
	if cfg.forwarded && len(cfg.trusted) == 0 {
		return errors.New("-forwarded: want -trusted, too")
	}
	return nil
}
