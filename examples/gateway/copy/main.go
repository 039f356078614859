// Command copy copies keys, plans, groups, links and counters from one store to another:
//
//	go run -C examples/gateway ./copy -from file:/var/lib/ration.json -to sqlite:/var/lib/ration.db
//
// Stop every program that uses the source first. What they change meanwhile may be
// missing in the copy.
//
// The source must have something, since the name of an empty one is most likely mistyped.
// The target must be empty. If the command is interrupted, it says how to go on: with
// -state it keeps how far it is in a file, and goes on there when it is called again. At
// the end it compares the copy with the source.
//
// Caution: after a power cut begin again with an empty target. A SQLite file may lack the
// last records, whatever the file of the state says.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/ration-go/ration/examples/gateway/internal/stores"
	"github.com/ration-go/ration/store/transfer"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	switch err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); {
	case err == nil || errors.Is(err, flag.ErrHelp):
	default:
		fmt.Fprintln(os.Stderr, "copy:", err)
		os.Exit(1)
	}
}

const storeHelp = "`store` to copy %s: sqlite:PATH, postgres://USER:PASSWORD@HOST/DATABASE, redis://HOST:PORT%s"

// run copies a store.
func run(ctx context.Context, args []string, out, logs io.Writer) error {
	flags := flag.NewFlagSet("copy", flag.ContinueOnError)
	flags.SetOutput(logs)
	from := flags.String("from", "", fmt.Sprintf(storeHelp, "from", ", or file:PATH for a file that memory.Store.Save wrote"))
	to := flags.String("to", "", fmt.Sprintf(storeHelp, "to", ""))
	state := flags.String("state", "", "`file` that keeps how far the copy is, so that it goes on there; if empty, a copy that was interrupted cannot go on")
	verify := flags.Bool("verify", true, "compare the copy with the source at the end")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 || *from == "" || *to == "" || *from == *to {
		return errors.New("-from, -to: want two stores, and only flags")
	}
	log := slog.New(slog.NewTextHandler(logs, nil))
	source, err := open(ctx, *from, log)
	if err != nil {
		return fmt.Errorf("-from: %w", err)
	}
	target, err := stores.OpenTarget(ctx, *to, log)
	if err != nil {
		return errors.Join(fmt.Errorf("-to: %w", err), source.Close())
	}
	err = carry(ctx, transfer.Whole(source.Backend), transfer.Whole(target.Backend), *state, out)
	if err == nil && *verify {
		err = compare(ctx, transfer.Whole(source.Backend), transfer.Whole(target.Backend), out)
	}
	return errors.Join(err, target.Close(), source.Close())
}

// open opens a source. It creates no file, since the name of a source that does not exist
// is a typing error.
func open(ctx context.Context, name string, log *slog.Logger) (*stores.Opened, error) {
	if path, ok := strings.CutPrefix(name, "file:"); ok {
		return stores.OpenFile(path)
	}
	if name == "memory" {
		return nil, errors.New("memory: want a store that another program has filled")
	}
	if path, ok := strings.CutPrefix(name, "sqlite:"); ok && path != "" {
		if _, err := os.Stat(path); err != nil {
			return nil, err
		}
	}
	return stores.Open(ctx, name, log)
}

// carry copies, and keeps in a file how far it is.
func carry(ctx context.Context, from, to transfer.Side, state string, out io.Writer) error {
	cfg := transfer.Config{}
	var err error
	if cfg.Resume, err = readState(state); err != nil {
		return err
	}
	if cfg.Resume != nil {
		fmt.Fprintf(out, "goes on with %s\n", cfg.Resume.Part)
	}
	var shown time.Time
	cfg.Report = func(p transfer.Progress) {
		if time.Since(shown) > time.Second {
			shown = time.Now()
			show(out, p)
		}
		err = errors.Join(err, writeState(state, p))
	}
	p, copyErr := transfer.Copy(ctx, from, to, cfg)
	if copyErr != nil {
		return errors.Join(copyErr, err, writeState(state, p))
	}
	show(out, p)
	if err == nil && state != "" {
		err = os.Remove(state)
	}
	if err == nil && p.Counts == (transfer.Counts{}) {
		err = errors.New("-from: want a store that has something: this one is empty")
	}
	return err
}

func show(out io.Writer, p transfer.Progress) {
	c := p.Counts
	fmt.Fprintf(out, "%s: %d plans, %d groups, %d keys, %d links, %d subjects\n", p.Part, c.Plans, c.Groups, c.Keys, c.Links, c.Subjects)
}

// readState returns the progress that a file has, or nil if there is no file.
func readState(path string) (*transfer.Progress, error) {
	if path == "" {
		return nil, nil
	}
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	p := new(transfer.Progress)
	if err == nil {
		err = json.Unmarshal(text, p)
	}
	if err != nil {
		return nil, fmt.Errorf("-state %s: %w", path, err)
	}
	return p, nil
}

// writeState replaces the file as a whole.
func writeState(path string, p transfer.Progress) error {
	if path == "" || p.Part == transfer.Done {
		return nil
	}
	text, err := json.Marshal(p)
	if err == nil {
		err = os.WriteFile(path+".new", text, 0o600)
	}
	if err == nil {
		err = os.Rename(path+".new", path)
	}
	if err != nil {
		return fmt.Errorf("-state: %w", err)
	}
	return nil
}

// compare compares the copy with the source.
func compare(ctx context.Context, from, to transfer.Side, out io.Writer) error {
	r, err := transfer.Verify(ctx, from, to, transfer.Config{})
	if err != nil {
		return err
	}
	if r.Different > 0 {
		return fmt.Errorf("%d records differ, such as %s", r.Different, strings.Join(r.Examples, ", "))
	}
	show(out, transfer.Progress{Part: "compared", Counts: r.Counts})
	return nil
}
