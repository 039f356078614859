package keyfile

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/usageplan"
)

// ErrRollback is wrapped by an error of Import that left some changes behind, because the
// rollback failed too.
var ErrRollback = errors.New("keyfile: not all was rolled back")

// A rollback has undoTimeout, and undoStep more for each of its steps. It does not end
// with the caller's context, because the context may be the reason for the rollback.
const (
	undoTimeout = 10 * time.Second
	undoStep    = 50 * time.Millisecond
)

// errChanged is returned by a step that leaves a key alone because others changed it.
var errChanged = errors.New("keyfile: changed by others")

// rollBack undoes all changes but the first n, the last change first. The error says how
// many changes are left.
func (im *importer) rollBack(ctx context.Context, n int) error {
	steps := im.undo[n:]
	im.undo = im.undo[:n]
	timeout := undoTimeout + time.Duration(len(steps))*undoStep
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), timeout)
	defer cancel()

	var first error
	left := 0
	for i, step := range slices.Backward(steps) {
		err := step(ctx)
		if err == nil || settled(err) {
			continue
		}
		first = cmp.Or(first, err)
		left++
		if ctx.Err() != nil { // the store no longer answers
			left += i
			break
		}
	}
	if first == nil {
		return nil
	}
	return fmt.Errorf("%w: %d of %d steps: %w", ErrRollback, left, len(steps), first)
}

// settled reports whether the error of a step means that there is nothing to undo.
func settled(err error) bool {
	return errors.Is(err, errChanged) || errors.Is(err, apikey.ErrNotFound) || errors.Is(err, usageplan.ErrNotFound)
}

// unchanged returns errChanged if others changed the key after the import did.
func (im *importer) unchanged(k *apikey.Key) error {
	if k.Version != im.version[k.ID] {
		return errChanged
	}
	return nil
}

// remove deletes a key that the import created.
func (im *importer) remove(ctx context.Context, id string) error {
	if err := im.check(ctx, id); err != nil {
		return err
	}
	return im.keys.Delete(ctx, id)
}

// unlink removes a link that the import made.
func (im *importer) unlink(ctx context.Context, planID, keyID string) error {
	if err := im.check(ctx, keyID); err != nil {
		return err
	}
	return im.plans.Unlink(ctx, planID, keyID)
}

// check reads a key. It returns errChanged if others changed it after the import did.
func (im *importer) check(ctx context.Context, id string) error {
	k, err := im.keys.Get(ctx, id)
	if err != nil {
		return err
	}
	return im.unchanged(&k)
}

// restore gives a key that the import changed its old description.
func (im *importer) restore(ctx context.Context, old *apikey.Key) error {
	k, err := im.keys.Update(ctx, old.ID, func(k *apikey.Key) error {
		describe(k, old)
		return im.unchanged(k)
	})
	if err != nil {
		return err
	}
	im.version[k.ID] = k.Version
	return nil
}
