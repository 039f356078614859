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
)

// config is the flags.
type config struct {
	data, control, store string
	upstream             *url.URL // nil: the gateway answers by itself
	api, stage           string
	routes               []string
	id, secret           string // of the administrator
	aws                  bool   // the style of refusals
	seal                 cipher.AEAD
}

const help = `Usage of gateway:

The gateway lets requests with a good x-api-key pass, as usage plans have it. Keys and plans are managed by "aws apigateway"
commands, with --endpoint-url and the address of the control plane.

`

// storeHelp has figures that BenchmarkFile measures.
const storeHelp = `where keys, plans and counters are: memory, file:PATH or redis://HOST:PORT.
A file is kept whole in memory, and each save writes all of it. Keys and plans
are saved at each change, before it is answered. Counters are saved when the
gateway ends, and while it runs every second, or as often as a save takes if
that is longer.
A kill loses the counts of a second and of up to two saves: a quota may then
admit that many requests more. A change may wait for two saves.
With 1,000 keys that were used today a save takes 10 ms and a start 40 ms. With
40,000 keys that were used on each of 90 days the file has 86 MB, a save takes
1.5 s and a start 7 s. A busy machine takes several times as long.
PATH is a file of its own: links are refused, since a second gateway could get
the same file through them.`

// parse reads the flags. The error tells all that is wrong with them.
func parse(args []string, out io.Writer) (cfg config, err error) {
	flags := flag.NewFlagSet("gateway", flag.ContinueOnError)
	flags.SetOutput(out)
	flags.Usage = func() {
		fmt.Fprint(out, help)
		flags.PrintDefaults()
	}
	flags.StringVar(&cfg.data, "data", "127.0.0.1:8080", "`address` that requests with API keys come to")
	flags.StringVar(&cfg.control, "control", "127.0.0.1:8081", "`address` of the control plane")
	flags.StringVar(&cfg.store, "store", "memory", storeHelp)
	upstream := flags.String("upstream", "", "`URL` that requests are passed on to; the gateway answers by itself if there is none")
	flags.StringVar(&cfg.api, "api", "", "`name` of the API, with -stage: plans may be for the stage (default: any)")
	flags.StringVar(&cfg.stage, "stage", "", "`name` of the API's stage")
	flags.Func("route", "`pattern` of a route that plans may throttle by itself, such as \"GET /pets/{id}\"; may be repeated. With routes, a path "+
		"counts for a route in any case and with or without a slash at its end, and a path that servers read in several ways is refused with 400", func(s string) error {
		cfg.routes = append(cfg.routes, s)
		return nil
	})
	credentials := flags.String("credentials", "", "`ID:SECRET` that the administrator's requests are signed "+
		"with, also in RATION_CREDENTIALS; test:test if there is none and the control plane is on the loopback")
	seal := flags.String("seal", "", "`file` of 32 random bytes that the values of keys are encrypted with, so that they can be shown again, "+
		"as Amazon API Gateway does; if there is none, nobody can, and the gateway warns at the start")
	style := flags.String("style", "aws", "of refusals: `aws` or problem")
	if err := flags.Parse(args); err != nil {
		return cfg, err
	}
	return cfg, errors.Join(
		noMore(flags.Args()), cfg.setUpstream(*upstream), cfg.setCredentials(cmp.Or(*credentials, os.Getenv("RATION_CREDENTIALS"))), cfg.setStyle(*style), cfg.checkStage(), cfg.setSeal(*seal),
	)
}

func noMore(args []string) error {
	if len(args) > 0 {
		return fmt.Errorf("%q: want flags alone", args)
	}
	return nil
}

func (cfg *config) setUpstream(text string) error {
	if text == "" {
		return nil
	}
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" || u.User != nil || u.Scheme != "http" && u.Scheme != "https" {
		return errors.New("-upstream: want http://HOST or https://HOST, without a user") // whose password is not to be told
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
		cfg.id, cfg.secret = "test", "test"
		return nil
	case text == "":
		return fmt.Errorf("-control %q: is not on the loopback: want -credentials, or everybody could make keys", cfg.control)
	}
	var ok bool
	if cfg.id, cfg.secret, ok = strings.Cut(text, ":"); !ok || cfg.id == "" || cfg.secret == "" {
		return errors.New("-credentials: want ID:SECRET")
	}
	return nil
}

// loopback says whether nobody but this machine reaches an address.
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

// setSeal is AES-256-GCM with the key in a file.
func (cfg *config) setSeal(path string) error {
	if path == "" {
		return nil
	}
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("-seal: %w", err)
	}
	defer f.Close()
	key, err := io.ReadAll(io.LimitReader(f, 33)) // of a device there is no end
	if err == nil && len(key) != 32 {
		err = errors.New("want 32 bytes, and no more")
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
	if strings.ContainsAny(cfg.api+cfg.stage, ":/") { // which part names in patches
		return fmt.Errorf("-api %q, -stage %q: want names without ':' and '/'", cfg.api, cfg.stage)
	}
	return nil
}
