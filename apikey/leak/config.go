package leak

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"time"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/history"
	"github.com/ration-go/ration/internal/fault"
	"github.com/ration-go/ration/internal/nilcheck"
)

// ErrInvalid is wrapped by the error of New for a bad Config.
var ErrInvalid = errors.New("leak: invalid")

// GitHubKeys is where GitHub publishes the keys that it signs reports with.
const GitHubKeys = "https://api.github.com/meta/public_keys/secret_scanning"

// An Action is what becomes of a secret that was found.
type Action int

// The actions. Revoke and EndSecret are the methods of apikey.Service with these names.
const (
	Revoke    Action = iota // the secret ends now, and the key is disabled
	EndSecret               // the secret ends after Config.Grace
	Tell                    // nothing changes
)

// String returns the name of the action in lower case.
func (a Action) String() string {
	switch a {
	case Revoke:
		return "revoke"
	case EndSecret:
		return "end secret"
	case Tell:
		return "tell"
	}
	return fmt.Sprintf("action(%d)", int(a))
}

// Config configures a Handler. The zero Config is ready for reports by GitHub.
type Config struct {
	// KeysURL is where the scanner publishes its public keys, in the form that GitHub uses.
	// It begins with https, except on the loopback. The default is GitHubKeys.
	KeysURL string

	// Client fetches the public keys. It may add a token, so that GitHub allows more
	// requests. The default has a timeout of 10s.
	Client *http.Client `json:"-"`

	// Action is what becomes of a secret that was found. The default is Revoke.
	Action Action

	// Grace is how long a secret stays good with EndSecret. The default is 0: it ends at
	// once.
	Grace time.Duration

	// Decide decides about single secrets in place of Action. Leak.Key is the key as it was
	// found. It must return Tell for keys that are meant to be public, such as those that a
	// service gives to web pages. If nil, Action is for all.
	Decide func(context.Context, Leak) Action `json:"-"`

	// OnLeak tells the service of a secret that was found, after the Action. It is called
	// for each place where a secret was found, from several goroutines at a time. If it
	// returns an error, the report is answered with 503, so that the scanner may repeat it.
	//
	// A report may come more than once, also in another process. Leak.ID is the same then.
	// A process does not repeat the calls that succeeded, as far as it remembers: it keeps
	// the last 4,096.
	OnLeak func(context.Context, Leak) error `json:"-"`

	// Actor is whom the history of the keys names. The default is "scanner github".
	Actor history.Actor

	// MaxBody and MaxTokens bound a report. Larger ones are answered with 413. The defaults
	// are 4 MiB and 10,000 secrets.
	MaxBody   int64
	MaxTokens int

	// Logger receives a warning for each secret that was found, and errors. Where it was
	// found is not logged, since that leads to the secret. If nil, nothing is logged.
	Logger *slog.Logger `json:"-"`
}

func (cfg *Config) faults() (errs []error) {
	if !isKeysURL(cfg.KeysURL) {
		errs = append(errs, fmt.Errorf("keysURL: %.200q: want https://HOST/PATH, or http on the loopback", cfg.KeysURL))
	}
	if cfg.Action < Revoke || cfg.Action > Tell {
		errs = append(errs, fmt.Errorf("action: %v: want Revoke, EndSecret or Tell", cfg.Action))
	}
	if cfg.Grace < 0 {
		errs = append(errs, fmt.Errorf("grace: %v: want 0 or more", cfg.Grace))
	}
	if cfg.MaxBody < 0 {
		errs = append(errs, fmt.Errorf("maxBody: %d: want 0 or more", cfg.MaxBody))
	}
	if cfg.MaxTokens < 0 {
		errs = append(errs, fmt.Errorf("maxTokens: %d: want 0 or more", cfg.MaxTokens))
	}
	return errs
}

// isKeysURL reports whether nobody between could change what the URL answers.
func isKeysURL(text string) bool {
	u, err := url.Parse(text)
	if err != nil || u.User != nil || u.Hostname() == "" {
		return false
	}
	addr, err := netip.ParseAddr(u.Hostname())
	return u.Scheme == "https" || u.Scheme == "http" && (err == nil && addr.IsLoopback() || u.Hostname() == "localhost")
}

func (cfg Config) withDefaults() Config {
	cfg.KeysURL = cmp.Or(cfg.KeysURL, GitHubKeys)
	cfg.Actor = cmp.Or(cfg.Actor, history.Actor{Kind: history.ActorScanner, Name: "github"})
	cfg.MaxBody = cmp.Or(cfg.MaxBody, 4<<20)
	cfg.MaxTokens = cmp.Or(cfg.MaxTokens, 10_000)
	if cfg.Client == nil {
		cfg.Client = &http.Client{CheckRedirect: onlyHTTPS}
	}
	return cfg
}

// onlyHTTPS follows redirects, except one that leaves HTTPS.
func onlyHTTPS(req *http.Request, via []*http.Request) error {
	if via[0].URL.Scheme == "https" && req.URL.Scheme != "https" || len(via) > 5 {
		return errors.New("refused to follow a redirect")
	}
	return nil
}

// New returns a Handler for reports about the secrets of a Service. The error wraps
// ErrInvalid and reports every fault at once. It is a fault if the Service's Format has
// no prefix of its own, since a scanner could not tell to which service a secret belongs.
// A Format with AcceptForeign is accepted, because imported secrets may have another
// mark.
func New(keys *apikey.Service, cfg Config) (*Handler, error) {
	cfg = cfg.withDefaults()
	errs := append(cfg.faults(), nilcheck.Required("keys", keys, "an apikey.Service"))
	if keys != nil {
		if f := keys.KeyFormat(); !f.HasOwnPrefix() && !f.AcceptForeign {
			errs = append(errs, fmt.Errorf("keys: keyFormat.prefix: %q: want one that no other service has", f.Prefix))
		}
	}
	if err := fault.Report(ErrInvalid, "config", errs...); err != nil {
		return nil, err
	}
	return &Handler{
		keys: keys, cfg: cfg, failures: newFailures(cfg.Logger),
		signers: &publicKeys{url: cfg.KeysURL, client: cfg.Client}, told: memory{max: maxTold},
	}, nil
}
