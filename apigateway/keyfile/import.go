package keyfile

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/internal/nilcheck"
	"github.com/ration-go/ration/usageplan"
)

// MaxWarnings is the most rows with a fault that an import skips.
const MaxWarnings = 1000

// Result holds what Import did.
type Result struct {
	// KeyIDs are the IDs of the keys that were created or changed, in the order of the
	// file, each once.
	KeyIDs []string

	// Warnings are the faults of the rows that were skipped.
	Warnings []*RowError
}

// Import creates a key for each row that Parse yields, and links it to the plans of the
// row. If a key has the secret of a row already, the row changes that key's name and
// description and whether it is enabled, and adds links. So the last of several rows with
// one secret wins. keys and plans must be services over the same store of keys.
//
// A secret that is not of apikey's own form needs AcceptForeign in the Format of keys.
//
// Import skips a row with a fault, keeps nothing of it, and reports it as a warning.
// Import fails if there are more than MaxWarnings warnings.
//
// With failOnWarnings, the first fault is the error of the import. Import then reads all
// rows into memory and checks them without a store before it imports the first.
//
// # Rollback
//
// An error of a store, of rows or of the import itself rolls back all rows. Changes that
// others made meanwhile stay. A link that others wanted too may be removed. A rollback
// goes on after ctx has ended. It has 10s, and 50ms more for each change that it rolls
// back. If the rollback fails too, the error wraps ErrRollback.
func Import(
	ctx context.Context, keys *apikey.Service, plans *usageplan.Service, rows iter.Seq2[Row, error], failOnWarnings bool,
) (Result, error) {
	err := invalid(
		nilcheck.Required("keys", keys, "an apikey.Service"), nilcheck.Required("plans", plans, "a usageplan.Service"))
	if err != nil {
		return Result{}, err
	}
	if failOnWarnings {
		if rows, err = checked(rows, keys); err != nil {
			return Result{}, fmt.Errorf("keyfile: import: %w", err)
		}
	}

	im := &importer{plans: plans, keys: keys, version: map[string]int64{}, listed: map[string]bool{}}
	var warnings []*RowError
	for row, err := range rows {
		done := len(im.undo)
		if err == nil {
			err = im.row(ctx, &row)
		}
		if err == nil {
			continue
		}
		if fault, ok := errors.AsType[*RowError](err); ok && !failOnWarnings && len(warnings) < MaxWarnings {
			warnings = append(warnings, fault)
			if err = im.rollBack(ctx, done); err == nil {
				continue
			}
		}
		return Result{}, fmt.Errorf("keyfile: import: %w", errors.Join(err, im.rollBack(ctx, 0)))
	}
	return Result{KeyIDs: im.ids, Warnings: warnings}, nil
}

// checked reads all rows and returns them. It returns the first fault that it finds
// without a store.
func checked(rows iter.Seq2[Row, error], keys *apikey.Service) (iter.Seq2[Row, error], error) {
	var list []Row
	for row, err := range rows {
		if err != nil {
			return nil, err
		}
		if err := keys.CheckImport(row.Key, row.Secret); err != nil {
			return nil, rowFault(&row, err)
		}
		list = append(list, row)
	}
	return func(yield func(Row, error) bool) {
		for _, row := range list {
			if !yield(row, nil) {
				return
			}
		}
	}, nil
}

// importer holds the state of one import.
type importer struct {
	plans  *usageplan.Service
	keys   *apikey.Service
	ids    []string
	listed map[string]bool // the IDs in ids

	// version holds the version of each key as the import left it. A key with another
	// version was changed by others.
	version map[string]int64

	// undo holds a step for each change, in the order of the changes.
	undo []func(context.Context) error
}

// row imports one row. A fault of the row is a *RowError.
func (im *importer) row(ctx context.Context, row *Row) error {
	id, err := im.key(ctx, row)
	if err != nil {
		return rowFault(row, err)
	}
	for _, planID := range row.PlanIDs {
		if err := im.link(ctx, planID, id); err != nil {
			return rowFault(row, err)
		}
	}
	if !im.listed[id] {
		im.ids = append(im.ids, id)
		im.listed[id] = true
	}
	return nil
}

// key creates the key of a row, or changes the key that has the row's secret.
func (im *importer) key(ctx context.Context, row *Row) (id string, err error) {
	k, err := im.keys.Import(ctx, row.Key, row.Secret)
	if errors.Is(err, apikey.ErrExists) {
		return im.change(ctx, row, err)
	}
	if err != nil {
		return "", err
	}
	im.version[k.ID] = k.Version
	im.undo = append(im.undo, func(ctx context.Context) error { return im.remove(ctx, k.ID) })
	return k.ID, nil
}

// change changes the key that has the row's secret. It returns exists for a retiring
// secret, which cannot be imported again.
func (im *importer) change(ctx context.Context, row *Row, exists error) (id string, err error) {
	old, err := im.keys.GetBySecret(ctx, row.Secret)
	if err != nil {
		return "", err
	}
	if digest := apikey.DigestOf(string(row.Secret)); !digest.Equal(&old.Digest) {
		return "", exists
	}
	k, err := im.keys.Update(ctx, old.ID, func(k *apikey.Key) error {
		old = k.Clone()
		describe(k, &row.Key)
		return nil
	})
	if err != nil {
		return "", err
	}
	im.version[k.ID] = k.Version
	im.undo = append(im.undo, func(ctx context.Context) error { return im.restore(ctx, &old) })
	return k.ID, nil
}

// describe copies what a row says about a key.
func describe(k, row *apikey.Key) {
	k.Name = row.Name
	k.Description = row.Description
	k.Enabled = row.Enabled
}

// link links a key to a plan, unless it is linked already. The error does not show
// planID, which may be a secret in the wrong column.
func (im *importer) link(ctx context.Context, planID, keyID string) error {
	_, err := im.plans.AddSpareLink(ctx, usageplan.Link{PlanID: planID, KeyID: keyID})
	switch {
	case errors.Is(err, usageplan.ErrExists):
		return nil
	case errors.Is(err, usageplan.ErrNotFound), errors.Is(err, usageplan.ErrInvalid):
		return fmt.Errorf("usagePlanIds: no such plan: %w", usageplan.ErrNotFound)
	case err != nil:
		return redacted{err, planID}
	}
	im.undo = append(im.undo, func(ctx context.Context) error { return im.unlink(ctx, planID, keyID) })
	return nil
}

// rowFault returns err as a *RowError if the row broke a rule. Any other error is a
// failure, and rowFault returns it unchanged.
func rowFault(row *Row, err error) error {
	for _, rule := range []error{
		apikey.ErrInvalid, apikey.ErrExists, apikey.ErrNotFound, apikey.ErrConflict,
		usageplan.ErrInvalid, usageplan.ErrNotFound, usageplan.ErrConflict,
	} {
		if errors.Is(err, rule) {
			return &RowError{Line: row.Line, Err: err}
		}
	}
	return err
}

// redacted is an error whose text does not show a value of the file.
type redacted struct {
	error
	value string
}

// Error returns the text of the error without the value.
func (r redacted) Error() string {
	if r.value == "" {
		return r.error.Error()
	}
	return strings.ReplaceAll(r.error.Error(), r.value, "…")
}

// Unwrap returns the error.
func (r redacted) Unwrap() error { return r.error }
