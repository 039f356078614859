package usageplan

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/internal/nilcheck"
)

// ErrRollback is wrapped by an error of Service.Import that has left something behind: the store failed again.
var ErrRollback = errors.New("usageplan: not all was rolled back")

// Import is what Service.Import did.
type Import struct {
	KeyIDs   []string           // of the keys made or changed, in the order of the file, each once
	Warnings []*apikey.RowError // the lines that were passed over
}

const (
	// MaxWarnings is the most that an Import passes over.
	MaxWarnings = 1000

	// undoTimeout and undoStep, for each of its steps, bound the rolling back of an import, which goes on if the caller is gone.
	undoTimeout = 10 * time.Second
	undoStep    = 50 * time.Millisecond
)

// Import makes keys of the rows that apikey.ParseCSV yields, and links them to their plans. A secret that is stored already,
// or comes again in the file, changes the name, the description and whether the key is enabled, and adds links: the last line
// has it. keys is a service over this Service's own store of keys.
//
// A line with a fault is a warning, and nothing of it is kept. With failOnWarnings the first warning is the error: rows are
// all read, and looked at as far as that can be without a store, before any is imported, so all are in memory; what was done
// before a fault that shows later is rolled back. So it is after any other error: of a store, of rows itself, or of more than
// MaxWarnings warnings. What others have changed meanwhile stays as they have it, but a link that they wanted too may go. The
// error wraps ErrRollback if rolling back failed as well. It has ten seconds, and 50 ms more for each key and link.
//
// Secrets that are not of apikey's own form want apikey.Format.AcceptForeign in the Format of keys: see apikey.Service.Import.
func (s *Service) Import(ctx context.Context, keys *apikey.Service, rows iter.Seq2[apikey.Row, error], failOnWarnings bool) (done Import, err error) {
	if err := nilcheck.Required("keys", keys, "an apikey.Service"); err != nil {
		return Import{}, invalid("import", []error{err})
	}
	if failOnWarnings {
		if rows, err = validated(rows, keys.KeyFormat()); err != nil {
			return Import{}, fmt.Errorf("usageplan: import: %w", err)
		}
	}
	im := &importing{plans: s, keys: keys, version: map[string]int64{}, listed: map[string]bool{}}
	for row, err := range rows {
		before := len(im.undo)
		if err == nil {
			err = im.row(ctx, &row)
		}
		if err == nil {
			continue
		}
		if warning, ok := errors.AsType[*apikey.RowError](err); ok && !failOnWarnings && len(done.Warnings) < MaxWarnings {
			done.Warnings = append(done.Warnings, warning)
			if err = im.rollBack(ctx, before); err == nil {
				continue
			}
		}
		return Import{}, fmt.Errorf("usageplan: import: %w", errors.Join(err, im.rollBack(ctx, 0)))
	}
	done.KeyIDs = im.ids
	return done, nil
}

// validated is all rows, once they are read and found good.
func validated(rows iter.Seq2[apikey.Row, error], format apikey.Format) (iter.Seq2[apikey.Row, error], error) {
	var list []apikey.Row
	for row, err := range rows {
		if err != nil {
			return nil, err
		}
		if err := row.Validate(format); err != nil {
			return nil, rowFault(&row, err)
		}
		list = append(list, row)
	}
	return func(yield func(apikey.Row, error) bool) {
		for i := range list {
			if !yield(list[i], nil) {
				return
			}
		}
	}, nil
}

// importing is an import under way.
type importing struct {
	plans   *Service
	keys    *apikey.Service
	ids     []string
	listed  map[string]bool  // in ids
	version map[string]int64 // of each key, as this import has left it; another is somebody else's
	undo    []func(context.Context) error
}

// row is one row. An error that is the row's own is a *apikey.RowError.
func (im *importing) row(ctx context.Context, row *apikey.Row) error {
	id, err := im.key(ctx, row)
	if err != nil {
		return rowFault(row, err)
	}
	for _, planID := range row.PlanIDs {
		switch err := im.plans.Link(ctx, planID, id); {
		case errors.Is(err, ErrExists): // as it should be
		case errors.Is(err, ErrNotFound), errors.Is(err, ErrInvalid): // what the id is, is not told: columns may be mixed up
			return rowFault(row, fmt.Errorf("usagePlanIds: no such plan: %w", ErrNotFound))
		case err != nil:
			return rowFault(row, untold{err, planID})
		default:
			im.undo = append(im.undo, func(ctx context.Context) error { return im.unlink(ctx, planID, id) })
		}
	}
	if !im.listed[id] {
		im.ids, im.listed[id] = append(im.ids, id), true
	}
	return nil
}

// key makes the key of a row, or changes the one that has its secret.
func (im *importing) key(ctx context.Context, row *apikey.Row) (id string, err error) {
	k, err := im.keys.Import(ctx, row.Key, row.Secret)
	if err == nil {
		im.version[k.ID] = k.Version
		im.undo = append(im.undo, func(ctx context.Context) error { return im.remove(ctx, k.ID) })
	}
	if !errors.Is(err, apikey.ErrExists) {
		return k.ID, err
	}
	digest := apikey.DigestOf(string(row.Secret))
	old, found := im.plans.keys.KeyByDigest(ctx, digest)
	if found != nil {
		return "", found
	}
	if !digest.Equal(&old.Digest) {
		return "", err // a secret that retires is not to be imported again
	}
	k, err = im.keys.Update(ctx, old.ID, func(k *apikey.Key) error {
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

// describe gives a key what a row has.
func describe(k, row *apikey.Key) {
	k.Name, k.Description, k.Enabled = row.Name, row.Description, row.Enabled
}

// rollBack takes back what was done from a step on, the last first. The error tells how many steps could not be taken back.
func (im *importing) rollBack(ctx context.Context, from int) error {
	steps := im.undo[from:]
	im.undo = im.undo[:from]
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoTimeout+time.Duration(len(steps))*undoStep)
	defer cancel()
	var first error
	left := 0
	for i, step := range slices.Backward(steps) {
		err := step(ctx)
		if err == nil || errors.Is(err, errTheirs) || errors.Is(err, apikey.ErrNotFound) || errors.Is(err, ErrNotFound) {
			continue
		}
		first = cmp.Or(first, err)
		if left++; ctx.Err() != nil { // the store answers no more
			left += i
			break
		}
	}
	if first == nil {
		return nil
	}
	return fmt.Errorf("%w: %d of %d steps: %w", ErrRollback, left, len(steps), first)
}

// errTheirs: somebody else has changed the key since.
var errTheirs = errors.New("usageplan: changed by others")

func (im *importing) ours(k *apikey.Key) error {
	if k.Version != im.version[k.ID] {
		return errTheirs
	}
	return nil
}

// remove takes back that a key was made.
func (im *importing) remove(ctx context.Context, id string) error {
	k, err := im.keys.Get(ctx, id)
	if err == nil {
		err = im.ours(&k)
	}
	if err != nil {
		return err
	}
	return im.keys.Delete(ctx, id)
}

// restore takes back that a key was changed.
func (im *importing) restore(ctx context.Context, old *apikey.Key) error {
	k, err := im.keys.Update(ctx, old.ID, func(k *apikey.Key) error {
		describe(k, old)
		return im.ours(k)
	})
	if err == nil {
		im.version[k.ID] = k.Version
	}
	return err
}

// unlink takes back a link.
func (im *importing) unlink(ctx context.Context, planID, keyID string) error {
	k, err := im.keys.Get(ctx, keyID)
	if err == nil {
		err = im.ours(&k)
	}
	if err != nil {
		return err
	}
	return im.plans.Unlink(ctx, planID, keyID)
}

// rowFault is err, as a fault of a row if a rule was broken, and as it is if something failed.
func rowFault(row *apikey.Row, err error) error {
	for _, fault := range []error{apikey.ErrInvalid, apikey.ErrExists, apikey.ErrNotFound, apikey.ErrConflict, ErrInvalid, ErrNotFound, ErrConflict} {
		if errors.Is(err, fault) {
			return &apikey.RowError{Line: row.Line, Err: err}
		}
	}
	return err
}

// untold is an error that does not show a value of the file, which may be a secret in the wrong column.
type untold struct {
	error
	value string
}

func (u untold) Error() string {
	if u.value == "" {
		return u.error.Error()
	}
	return strings.ReplaceAll(u.error.Error(), u.value, "…")
}

func (u untold) Unwrap() error { return u.error }
