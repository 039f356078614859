package main

import (
	"cmp"
	"crypto/aes"
	"crypto/cipher"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/netip"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/history"
)

// config holds the flags.
type config struct {
	data, control, store string
	lease                bool
	upstream             *url.URL // if nil, the gateway answers requests itself
	api, stage           string
	routes               []string
	usage                string        // the path of the clients' own usage; empty for none
	id, secret           string        // of the administrator
	aws                  bool          // whether refusals have the style of AWS
	health               string        // see healthHelp
	leave                time.Duration // see leaveHelp
	seal                 cipher.AEAD
	logRefusals          int             // see logRefusalsHelp
	tagKeys              *apikey.TagKeys // nil for none
	plans                string          // the file, or empty
	prune                bool
	history              int               // the number of changes that are kept
	wellKnown            bool              // the credentials are those that everybody knows
	users                map[string]string // of the page; nil if there is none
	localPage            bool              // the page is for names of the loopback only
	insecure             string            // see insecureHelp
	restriction
}

const help = `Usage of gateway:

The gateway admits requests with a valid x-api-key and enforces the usage plan of the key. Manage keys and plans with
"aws apigateway" commands: set --endpoint-url to the address of the control plane. In a browser, open /usage there.

`

const storeHelp = "`store` of keys, plans and counters: memory, sqlite:PATH, postgres://USER:PASSWORD@HOST/DATABASE or redis://HOST:PORT.\n" +
	`sqlite and postgres keep every change and every count that was answered, also if
the gateway is killed. The gateway makes their tables at the start, and brings
those of an older release to its version.
Several gateways can share a store: a SQLite file if they run on one machine.
What a file of an older gateway (file:PATH) holds, the command in the folder copy
copies to another store.`

const logRefusalsHelp = "`number` of refused requests that are logged in a second, for each reason: the key's ID, the plan and the limit, never a secret.\n" +
	`A later line says how many were left out. With 0, none is logged.`

const leaseHelp = `decide most requests of busy keys in this process, with units that it leases from the store in blocks.
Quotas stay exact over all gateways. A throttle may admit more, by a sixteenth of
its burst for each gateway. What other gateways have used is seen within a second.
A gateway gives its leases back when it stops. If it is killed, what it has leased
counts as used until the window of the quota ends. -lease has no effect
on a store in memory.`

// parse reads the flags. The error reports every fault at once.
func parse(args []string, out io.Writer) (cfg config, err error) {
	flags := flag.NewFlagSet("gateway", flag.ContinueOnError)
	flags.SetOutput(out)
	flags.Usage = func() {
		fmt.Fprint(out, help)
		flags.PrintDefaults()
	}
	flags.StringVar(&cfg.data, "data", "127.0.0.1:8080", "listen `address` for requests with API keys")
	flags.StringVar(&cfg.control, "control", "127.0.0.1:8081", "listen `address` of the control plane")
	flags.StringVar(&cfg.store, "store", "memory", storeHelp)
	flags.BoolVar(&cfg.lease, "lease", false, leaseHelp)
	flags.IntVar(&cfg.history, "history", history.DefaultMax, historyHelp)
	upstream := flags.String("upstream", "", "`URL` that admitted requests are forwarded to; if empty, the gateway answers them itself")
	flags.StringVar(&cfg.api, "api", "", "`name` of the API; together with -stage it names the stage that plans may be for; if empty, plans may be for any stage")
	flags.StringVar(&cfg.stage, "stage", "", "`name` of the API's stage")
	flags.Func("route", "`pattern` of a route that plans may throttle separately, such as \"GET /pets/{id}\"; may be repeated. With routes, a path "+
		"matches a route in upper or lower case, and with or without a trailing slash; a path that servers read in different ways is refused with 400", func(s string) error {
		cfg.routes = append(cfg.routes, s)
		return nil
	})
	flags.StringVar(&cfg.usage, "usage", "", usageHelp)
	flags.StringVar(&cfg.insecure, "insecure", "warn", insecureHelp)
	flags.Func("scope", scopeHelp, cfg.addScope)
	flags.Func("trusted", trustedHelp, cfg.addTrusted)
	flags.BoolVar(&cfg.forwarded, "forwarded", false, forwardedHelp)
	credentials := flags.String("credentials", "", "`ID:SECRET` with which the administrator signs requests; "+
		"the default is RATION_CREDENTIALS, and without that test:test if the control plane listens on the loopback")
	seal := flags.String("seal", "", "`file` with the 32 random bytes of a key that encrypts the values of API keys, so that they can be shown again, "+
		"as in Amazon API Gateway; if empty, a value is shown only once, and the gateway logs a warning at the start")
	flags.IntVar(&cfg.logRefusals, "log-refusals", 1, logRefusalsHelp)
	tagKeys := flags.String("tag-keys", os.Getenv("RATION_TAG_KEYS"), tagKeysHelp)
	flags.StringVar(&cfg.plans, "plans", "", plansHelp)
	flags.BoolVar(&cfg.prune, "plans-prune", false, pruneHelp)
	style := flags.String("style", "aws", "`style` of refusals: aws, or problem for problem details (RFC 9457)")
	flags.StringVar(&cfg.health, "health", "", healthHelp)
	flags.DurationVar(&cfg.leave, "leave", 0, leaveHelp)
	pageUsers := flags.String("page-users", "", pageHelp)
	if err := flags.Parse(args); err != nil {
		return cfg, fmt.Errorf("%w: %w", errPrinted, err)
	}
	return cfg, errors.Join(
		noMore(flags.Args()),
		cfg.setUpstream(*upstream),
		cfg.setCredentials(cmp.Or(*credentials, os.Getenv("RATION_CREDENTIALS"))),
		cfg.setPageUsers(*pageUsers), // after the credentials
		cfg.setStyle(*style),
		cfg.setRestriction(),
		cfg.checkStage(),
		cfg.checkLease(),
		cfg.checkUsage(),
		cfg.checkPrune(),
		cfg.checkLogRefusals(),
		cfg.checkHistory(),
		cfg.checkHealth(),
		cfg.checkInsecure(),
		cfg.setSeal(*seal),
		cfg.setTagKeys(*tagKeys),
	)
}

// errPrinted is wrapped by an error that package flag has printed already, with the
// usage.
var errPrinted = errors.New("flags")

func (cfg *config) checkLogRefusals() error {
	if cfg.logRefusals < 0 {
		return fmt.Errorf("-log-refusals: %d: want 0 or more", cfg.logRefusals)
	}
	return nil
}

func noMore(args []string) error {
	if len(args) > 0 {
		return fmt.Errorf("%q: want only flags", args)
	}
	return nil
}

func (cfg *config) setUpstream(text string) error {
	if text == "" {
		return nil
	}
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" || u.User != nil || u.Scheme != "http" && u.Scheme != "https" {
		// The text is left out of the error, since it may contain a password.
		return errors.New("-upstream: want http://HOST or https://HOST, without a user")
	}
	if _, err := strconv.ParseUint(cmp.Or(u.Port(), "0"), 10, 16); err != nil {
		return errors.New("-upstream: port: want at most 65535")
	}
	cfg.upstream = u
	return nil
}

func (cfg *config) setCredentials(text string) error {
	switch {
	case text == "" && loopback(cfg.control):
		cfg.id, cfg.secret, cfg.wellKnown = "test", "test", true
		return nil
	case text == "":
		return fmt.Errorf("-control %q: is not on the loopback: want -credentials, or anybody could create keys", cfg.control)
	}
	var ok bool
	if cfg.id, cfg.secret, ok = strings.Cut(text, ":"); !ok || cfg.id == "" || cfg.secret == "" {
		return errors.New("-credentials: want ID:SECRET")
	}
	return nil
}

// loopback reports whether only this machine can reach an address. Of names it accepts
// only "localhost": other names may resolve to something else later.
func loopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

func (cfg *config) setStyle(style string) error {
	if cfg.aws = style == "aws"; !cfg.aws && style != "problem" {
		return fmt.Errorf("-style %q: want aws or problem", style)
	}
	return nil
}

// setSeal sets the cipher to AES-256-GCM with the key in a file.
func (cfg *config) setSeal(path string) error {
	if path == "" {
		return nil
	}
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("-seal: %w", err)
	}
	defer f.Close()
	key, err := io.ReadAll(io.LimitReader(f, 33)) // a device may have no end
	if err == nil && len(key) != 32 {
		err = errors.New("want exactly 32 bytes")
	}
	if err != nil {
		return fmt.Errorf("-seal %s: %w", path, err)
	}
	block, err := aes.NewCipher(key)
	if err == nil {
		cfg.seal, err = cipher.NewGCM(block)
	}
	return err
}

func (cfg *config) checkStage() error {
	if (cfg.api == "") != (cfg.stage == "") {
		return fmt.Errorf("-api %q, -stage %q: want both or neither", cfg.api, cfg.stage)
	}
	if strings.ContainsAny(cfg.api+cfg.stage, ":/") { // the separators of patch paths
		return fmt.Errorf("-api %q, -stage %q: want names without ':' and '/'", cfg.api, cfg.stage)
	}
	return nil
}

// checkLease returns an error if -lease would have no effect. A store in memory decides
// in this process anyway.
func (cfg *config) checkLease() error {
	if cfg.lease && cfg.store == "memory" {
		return errors.New("-lease: -store memory: want another store: one in this process gains nothing by leases")
	}
	return nil
}

func (cfg *config) checkHistory() error {
	if cfg.history < 0 {
		return fmt.Errorf("-history %d: want 0 or more", cfg.history)
	}
	return nil
}
