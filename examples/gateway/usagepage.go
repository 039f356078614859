package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"

	"github.com/ration-go/ration/admin"
)

const pageHelp = "`file` with a line NAME:PASSWORD for each person who may use the page " + pagePath + ` on the address of the control plane, or off to serve no page;
if empty, the administrator logs in with the ID and the secret of -credentials.
Passwords need TLS, unless the control plane listens on the loopback.`

const (
	pagePath = "/usage"
	noPage   = "off"

	// maxUsers bounds the file of -page-users, in bytes.
	maxUsers = 64 << 10
)

// setPageUsers reads who may use the page. Errors have no part of a password.
func (cfg *config) setPageUsers(path string) error {
	switch path {
	case noPage:
		return nil
	case "":
		cfg.users, cfg.localPage = map[string]string{cfg.id: cfg.secret}, cfg.wellKnown
		return nil
	}
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("-page-users: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxUsers+1)) // a device may have no end
	if err == nil && len(text) > maxUsers {
		err = fmt.Errorf("want at most %d bytes", maxUsers)
	}
	if err == nil {
		cfg.users, err = parseUsers(string(text))
	}
	if err != nil {
		return fmt.Errorf("-page-users %s: %w", path, err)
	}
	return nil
}

// parseUsers reads the lines of a file. It skips empty lines and those that begin with
// '#'.
func parseUsers(text string) (map[string]string, error) {
	users := map[string]string{}
	var errs []error
	n := 0
	for line := range strings.Lines(text) {
		n++
		line = strings.TrimRight(line, "\r\n")
		if line == "" || line[0] == '#' {
			continue
		}
		name, password, ok := strings.Cut(line, ":")
		_, seen := users[name]
		switch {
		case !ok || name == "" || password == "":
			errs = append(errs, fmt.Errorf("line %d: want NAME:PASSWORD", n))
		case seen:
			errs = append(errs, fmt.Errorf("line %d: %q: is there already", n, name))
		}
		users[name] = password
	}
	if len(users) == 0 {
		errs = append(errs, errors.New("want at least one line NAME:PASSWORD"))
	}
	return users, errors.Join(errs...)
}

// addPage serves the page beside the control plane. No operation of the control plane has
// its path.
func (gw *gateway) addPage(cfg config, log *slog.Logger) error {
	if cfg.users == nil {
		return nil
	}
	page, err := gw.page(cfg, log)
	if err != nil {
		return err
	}
	if cfg.localPage {
		page = onlyLocal(page)
	}
	control := gw.control
	gw.control = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == pagePath || strings.HasPrefix(r.URL.Path, pagePath+"/") {
			page.ServeHTTP(w, r)
			return
		}
		control.ServeHTTP(w, r)
	})
	return nil
}

// page returns the page. Gateways with the same credentials accept the forms of each
// other, so they may be behind one address.
func (gw *gateway) page(cfg config, log *slog.Logger) (http.Handler, error) {
	auth, err := admin.NewBasic(cfg.users, admin.BasicConfig{Realm: "Ration gateway", Logger: log})
	if err != nil {
		return nil, err
	}
	gw.people = auth
	forms := hmac.New(sha256.New, []byte(cfg.id+":"+cfg.secret))
	forms.Write([]byte("the forms of the page"))
	config := admin.Config{Prefix: pagePath, Title: "Ration gateway", FormKey: forms.Sum(nil), Counts: gw.counts, Logger: log}
	if gw.history != nil { // a nil pointer would not be a nil Lister
		config.History = gw.history
	}
	return admin.New(gw.services.Keys, gw.services.Plans, gw.services.Groups, gw.gate, auth, config)
}

// onlyLocal refuses requests for other hosts than the loopback.
//
// Security: with a password that everybody knows, a site could otherwise resolve its own
// name to the loopback, and its scripts could use the page.
func onlyLocal(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := r.Host
		if _, _, err := net.SplitHostPort(host); err != nil {
			host = net.JoinHostPort(strings.Trim(host, "[]"), "80")
		}
		if !loopback(host) {
			http.Error(w, "Without -credentials and -page-users, the page is for names of the loopback only.", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}
