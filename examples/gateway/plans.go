package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/ration-go/ration/plans"
)

const plansHelp = "YAML or JSON `file` with plans, groups, keys and links, which the gateway applies before it is ready,\n" +
	`after each change of the file, and on SIGHUP. If the file has a fault, the gateway
does not start, or logs every fault and keeps what it has. The command in the
folder plans shows what a file would change, and exports one.`

const pruneHelp = `delete the plans, groups and links that -plans does not have. Keys are never deleted, nor a plan or a group
that a key needs which the file does not name`

// applyTime is how long the store may take to apply a file, which may have 100,000 keys.
// A store that is down fails long before.
const applyTime = 10 * time.Minute

// declared applies the file of -plans.
type declared struct {
	services plans.Services
	path     string
	prune    bool
	log      *slog.Logger

	loads *loads

	mu     sync.Mutex // one Apply at a time
	failed bool       // whether the store failed, which is logged once
}

// apply applies the file, and notes for the metrics whether that succeeded.
func (d *declared) apply(ctx context.Context) error {
	err := d.applyFile(ctx)
	d.loads.note(err == nil, time.Now())
	return err
}

// applyFile applies the file. The history logs each change.
func (d *declared) applyFile(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, applyTime)
	defer cancel()
	f, err := plans.ReadFile(d.path)
	if f == nil {
		return fmt.Errorf("-plans: %w", err)
	}
	made, err := plans.Apply(ctx, d.services, f, plans.Config{Prune: d.prune})
	if err != nil {
		return fmt.Errorf("-plans: %w", err)
	}
	d.log.Info("gateway: -plans: applied", "file", d.path, "changes", len(made.Changes), "unmanaged", len(made.Unmanaged))
	return nil
}

// reload applies the file while the gateway runs. It returns an error only if another
// attempt may succeed with the same file.
func (d *declared) reload(ctx context.Context) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	err := d.apply(ctx)
	faults, invalid := errors.AsType[plans.Faults](err)
	switch {
	case err == nil:
	case invalid:
		for _, f := range faults {
			d.log.Error("gateway: -plans: the file has a fault, and nothing was changed", "fault", f.String())
		}
		err = nil
	case !d.failed && ctx.Err() == nil:
		d.log.Error("gateway: -plans: cannot apply the file, tries again", "error", err)
	}
	d.failed = err != nil
	return err
}

// follow applies the file after each change and on SIGHUP, until ctx is done.
func (d *declared) follow(ctx context.Context) {
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	defer signal.Stop(hup)
	d.reloadOn(ctx, hup)
}

// reloadOn applies the file after each change and each signal, until ctx is done.
func (d *declared) reloadOn(ctx context.Context, hup <-chan os.Signal) {
	var wg sync.WaitGroup
	wg.Go(func() { plans.Watch(ctx, d.path, 0, d.reload) })
	var again <-chan time.Time
	for {
		select {
		case <-hup:
		case <-again:
		case <-ctx.Done():
			wg.Wait()
			return
		}
		again = nil
		if d.reload(ctx) != nil {
			again = time.After(plans.DefaultInterval)
		}
	}
}

// declare applies the file of -plans, if there is one, and then has run follow it.
func (gw *gateway) declare(ctx context.Context, cfg config, log *slog.Logger, run func(follow func(context.Context))) error {
	if cfg.plans == "" {
		return nil
	}
	d := &declared{services: gw.services, path: cfg.plans, prune: cfg.prune, log: log, loads: gw.loads}
	if err := d.apply(ctx); err != nil {
		return err
	}
	run(d.follow)
	return nil
}

func (cfg *config) checkPrune() error {
	if cfg.prune && cfg.plans == "" {
		return errors.New("-plans-prune: want -plans, too")
	}
	return nil
}
