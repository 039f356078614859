package redis

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/rueidis"
)

// defaultWriteTimeout is how long a connection may give no answer before the client gives
// it up.
const defaultWriteTimeout = time.Second

// parseOption parses a URL of Open.
//
// Security: Its errors name what is wrong. They show no text of the URL, except the name
// of an unknown parameter. A password with a slash or an @ in it may turn up in any part
// of the URL.
func parseOption(text string) (rueidis.ClientOption, error) {
	u, err := parseURL(text)
	if err != nil {
		return rueidis.ClientOption{}, err
	}
	option, err := rueidis.ParseURL(u.String())
	if err != nil {
		what, _, _ := strings.Cut(strings.TrimPrefix(err.Error(), "redis: "), ":")
		return option, fmt.Errorf("url: %s", what)
	}
	if err := optionFault(&option); err != nil {
		return option, err
	}
	option.DisableCache = true // answers are never the same twice
	if option.ConnWriteTimeout == 0 {
		option.ConnWriteTimeout = defaultWriteTimeout
	}
	if option.TLSConfig != nil {
		option.Sentinel.TLSConfig = option.TLSConfig
		option.DialCtxFn = dialTLS
	}
	return option, nil
}

// parseURL checks what rueidis.ParseURL ignores. ParseURL takes localhost if there is no
// host, and the first host if an addr has none.
func parseURL(text string) (*url.URL, error) {
	if strings.TrimSpace(text) == "" {
		return nil, errors.New("url: empty: want redis://host:port")
	}
	u, err := url.Parse(text)
	if err != nil {
		return nil, errors.New("url: malformed: want redis://, rediss:// or unix://, with special characters of a password percent-encoded")
	}
	var fault error
	switch u.Scheme {
	case "redis", "rediss", "valkey", "valkeys":
		fault = hostFault(u)
	case "unix":
		fault = socketFault(u)
	default:
		return nil, errors.New("url: scheme: want redis, rediss or unix")
	}
	if u.Fragment != "" || u.RawFragment != "" {
		fault = errors.Join(fault, errors.New("url: fragment: want # written as %23"))
	}
	if err := errors.Join(fault, parametersFault(u, text)); err != nil {
		return nil, err
	}
	if u.Path == "/" {
		u.Path = ""
	}
	return u, nil
}

// hostFault returns what is wrong with the host and the port of u, or nil.
func hostFault(u *url.URL) error {
	host, port := u.Hostname(), u.Port()
	switch {
	case u.Opaque != "":
		return fmt.Errorf("url: host: missing: want // after the scheme, as in %s://host:port", u.Scheme)
	case host == "":
		return fmt.Errorf("url: host: missing: want %s://host:port", u.Scheme)
	case strings.Contains(host, ",") || strings.Contains(host, ":") && u.Host[0] != '[':
		return errors.New("url: host: want one host, and each other as addr=host:port")
	case strings.HasSuffix(u.Host, ":"):
		return errors.New("url: port: missing after the colon")
	case port != "" && !isPort(port):
		return errors.New("url: port: want 1 to 65535")
	}
	return nil
}

func isPort(text string) bool {
	n, err := strconv.ParseUint(text, 10, 16)
	return err == nil && n > 0
}

// socketFault returns what is wrong with the path of a socket, or nil.
func socketFault(u *url.URL) error {
	switch {
	case u.Host != "":
		return errors.New("url: host: want none: unix:///path has three slashes")
	case strings.TrimSpace(u.Path) == "" || u.Path == "/":
		return errors.New("url: path: missing: want unix:///path")
	}
	return nil
}

// parameters are the parameters that Open has. ParseURL has some more, and ignores those
// that it does not know.
var parameters = []string{"db", "addr", "master_set", "dial_timeout", "write_timeout", "client_name", "skip_verify"}

// parametersFault returns an error that names the parameters of text that Open does not
// have, and what is wrong with the others.
//
// Security: It names no parameter if an @ follows. The text is then the end of a password
// with a question mark in it.
func parametersFault(u *url.URL, text string) error {
	_, query, _ := strings.Cut(text, "?")
	isPassword := strings.Contains(query, "@")
	values, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return errors.New("url: parameters: malformed: want special characters percent-encoded")
	}
	var errs []error
	known := strings.Join(parameters, ", ")
	for _, name := range slices.Sorted(maps.Keys(values)) {
		switch {
		case slices.Contains(parameters, name):
			errs = append(errs, parameterFault(u, name, values[name]))
		case isPassword:
			return fmt.Errorf("url: unknown parameter: want one of %s, and special characters of a password percent-encoded", known)
		default:
			errs = append(errs, fmt.Errorf("url: parameter %.40q: want one of %s", name, known))
		}
	}
	return errors.Join(errs...)
}

// parameterFault returns what is wrong with a known parameter, or nil. ParseURL checks
// the form of most values.
func parameterFault(u *url.URL, name string, values []string) error {
	switch {
	case len(values) > 1 && name != "addr":
		return fmt.Errorf("url: parameter %q: want it once", name)
	case u.Scheme == "unix" && (name == "addr" || name == "master_set"):
		return fmt.Errorf("url: %s: want none beside a socket", name)
	case name == "addr" && slices.ContainsFunc(values, func(addr string) bool { return !isAddr(addr) }):
		return errors.New("url: addr: want host:port")
	case name == "master_set" && values[0] == "":
		return errors.New("url: master_set: empty: want the name of the Sentinels' master")
	case name == "db" && u.Scheme != "unix" && len(u.Path) > 1:
		return errors.New("url: db: want it in the path or as a parameter")
	case name == "skip_verify" && u.Scheme != "rediss" && u.Scheme != "valkeys":
		return errors.New("url: skip_verify: want a rediss:// URL with it")
	}
	return nil
}

func isAddr(addr string) bool {
	host, port, err := net.SplitHostPort(addr)
	return err == nil && host != "" && !strings.ContainsAny(host, "/,") && isPort(port)
}

// optionFault returns what is wrong with the numbers that ParseURL has parsed, or nil.
func optionFault(option *rueidis.ClientOption) error {
	var errs []error
	if option.SelectDB < 0 {
		errs = append(errs, errors.New("url: db: want 0 or more"))
	}
	if option.Dialer.Timeout < 0 {
		errs = append(errs, errors.New("url: dial_timeout: want 0 or more"))
	}
	if option.ConnWriteTimeout < 0 {
		errs = append(errs, errors.New("url: write_timeout: want 0 or more"))
	}
	return errors.Join(errs...)
}
