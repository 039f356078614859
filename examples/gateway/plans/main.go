// Command plans works with a file of plans, groups, keys and links, and with a store of
// the gateway:
//
//	go run -C examples/gateway ./plans check /etc/ration/plans.yaml
//	go run -C examples/gateway ./plans diff -store redis://127.0.0.1:6379 /etc/ration/plans.yaml
//	go run -C examples/gateway ./plans apply -store redis://127.0.0.1:6379 /etc/ration/plans.yaml
//	go run -C examples/gateway ./plans export -store redis://127.0.0.1:6379 >plans.yaml
//
// check finds the faults that a file has without a store, for a review. diff shows what
// the gateway would change, and its exit status is 2 if that is something. With -prune,
// apply and diff delete what the file does not have. schema prints the JSON Schema of
// such a file, for editors.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"math"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/examples/gateway/internal/stores"
	"github.com/ration-go/ration/history"
	"github.com/ration-go/ration/plans"
	"github.com/ration-go/ration/usageplan"
)

// errDiffers means that the store is not as the file wants it.
var errDiffers = errors.New("the store differs from the file")

// errPrinted is wrapped by an error that package flag has printed already, with the
// usage.
var errPrinted = errors.New("flags")

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	switch err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); {
	case err == nil || errors.Is(err, flag.ErrHelp):
	case errors.Is(err, errDiffers):
		os.Exit(2)
	case errors.Is(err, errPrinted):
		os.Exit(1)
	default:
		fmt.Fprintln(os.Stderr, "plans:", strings.TrimPrefix(err.Error(), "plans: "))
		os.Exit(1)
	}
}

const usage = "want check FILE, diff -store STORE [-prune] FILE, apply -store STORE [-prune] FILE, " +
	"export -store STORE [-digests] [-without-keys], or schema"

// options are the flags of a command, and its file.
type options struct {
	store                string
	prune                bool
	digests, withoutKeys bool
	file                 string
}

// parse reads the arguments of a command. A flag that the command would ignore is an
// error.
func parse(command string, args []string, logs io.Writer) (o options, err error) {
	flags := flag.NewFlagSet("plans "+command, flag.ContinueOnError)
	flags.SetOutput(logs)
	switch command {
	case "diff", "apply":
		flags.BoolVar(&o.prune, "prune", false, "delete plans, groups and links that the file does not have")
	case "export":
		flags.BoolVar(&o.digests, "digests", false, "export the digests of secrets, so that the file can create the keys in another store")
		flags.BoolVar(&o.withoutKeys, "without-keys", false, "export plans and groups only")
	case "check", "schema":
	default:
		return o, errors.New(usage)
	}
	needsStore := command != "check" && command != "schema"
	if needsStore {
		flags.StringVar(&o.store, "store", "", "`store` of the gateway: sqlite:PATH, postgres://USER:PASSWORD@HOST/DATABASE or redis://HOST:PORT")
	}
	if err := flags.Parse(args); err != nil {
		return o, fmt.Errorf("%w: %w", errPrinted, err)
	}
	files := 1
	if command == "export" || command == "schema" {
		files = 0
	}
	if flags.NArg() != files || needsStore && o.store == "" {
		return o, errors.New(usage)
	}
	o.file = flags.Arg(0)
	return o, nil
}

// run runs one of the commands.
func run(ctx context.Context, args []string, out, logs io.Writer) error {
	if len(args) == 0 {
		return errors.New(usage)
	}
	command := args[0]
	switch command {
	case "-h", "-help", "--help", "help":
		_, err := fmt.Fprintln(out, "plans:", usage)
		return err
	}
	o, err := parse(command, args[1:], logs)
	if err != nil {
		return err
	}
	switch command {
	case "check":
		_, err := plans.ReadFile(o.file)
		return err
	case "schema":
		_, err := out.Write(plans.Schema())
		return err
	}
	s, closeStore, err := open(ctx, o.store, slog.New(slog.NewTextHandler(logs, nil)))
	if err != nil {
		return fmt.Errorf("-store: %w", err)
	}
	switch command {
	case "diff":
		err = diff(ctx, s, o.file, plans.Config{Prune: o.prune}, out)
	case "apply":
		err = apply(ctx, s, o.file, plans.Config{Prune: o.prune}, out)
	case "export":
		err = export(ctx, s, plans.ExportConfig{Digests: o.digests, WithoutKeys: o.withoutKeys}, out)
	}
	return errors.Join(err, closeStore())
}

// open opens a store and makes the services of the gateway on it.
func open(ctx context.Context, name string, log *slog.Logger) (s plans.Services, closeStore func() error, err error) {
	if name == "memory" {
		return s, nil, errors.New("memory: want a store that the gateway shares")
	}
	st, err := stores.Open(ctx, name, log)
	if err != nil {
		return s, nil, err
	}
	changes, err := record(st, log)
	if err == nil {
		s.Keys, err = apikey.NewService(st.Backend, apikey.Config{KeyFormat: apikey.Format{AcceptForeign: true}, History: changes})
	}
	if err == nil {
		s.Plans, err = usageplan.NewService(st.Backend, st.Backend, usageplan.Config{History: changes})
	}
	if err == nil {
		s.Groups, err = usageplan.NewGroups(st.Backend, st.Backend, st.Backend, usageplan.Config{History: changes})
	}
	return s, st.Close, err
}

// record returns what records changes in the history of the gateway. It forgets none of
// them, because only the gateway knows its -history.
func record(st *stores.Opened, log *slog.Logger) (history.Recorder, error) {
	keeps, ok := st.Backend.(interface {
		History(history.Bounds) history.Store
	})
	if !ok {
		return nil, nil
	}
	return history.New(keeps.History(history.Bounds{Max: math.MaxInt32}), history.Config{Logger: log})
}

func diff(ctx context.Context, s plans.Services, path string, cfg plans.Config, out io.Writer) error {
	f, err := plans.ReadFile(path)
	if f == nil {
		return err
	}
	d, err := plans.Diff(ctx, s, f, cfg)
	if err != nil {
		return err
	}
	fmt.Fprintln(out, d)
	if !d.Empty() {
		return errDiffers
	}
	return nil
}

// apply prints the changes that were made, also if there is an error after them.
func apply(ctx context.Context, s plans.Services, path string, cfg plans.Config, out io.Writer) error {
	f, err := plans.ReadFile(path)
	if f == nil {
		return err
	}
	made, err := plans.Apply(ctx, s, f, cfg)
	if err == nil || !made.Empty() {
		fmt.Fprintln(out, made)
	}
	return err
}

func export(ctx context.Context, s plans.Services, cfg plans.ExportConfig, out io.Writer) error {
	f, err := plans.Export(ctx, s, cfg)
	if err != nil {
		return err
	}
	text, err := f.YAML()
	if err != nil {
		return err
	}
	_, err = out.Write(text)
	return err
}
