package gate

import (
	"context"
	"log/slog"
)

// maxWarned bounds the groups in resolver.warned. When there would be more, the set is
// cleared, and the Logger may be warned of a group again.
const maxWarned = 1 << 10

// warnIfBroken logs a warning if the group of a key that was read is broken. A group may
// have many keys, so the warning comes once until the group is whole again.
func (r *resolver) warnIfBroken(ctx context.Context, n *node, keyID string) {
	if !r.noteBroken(n) {
		return
	}
	r.mistakes.note(BrokenGroup)
	if r.logger != nil {
		r.logger.LogAttrs(ctx, slog.LevelWarn, "ration: the keys of a group are refused: the group, one above it "+
			"or a plan of these does not exist, or there are too many groups", slog.String("group", n.group.ID), slog.String("key", keyID))
	}
}

// noteBroken reports whether a group is broken and no warning of it has been logged since
// it was last whole. It notes that one is logged now.
func (r *resolver) noteBroken(n *node) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	id := n.group.ID
	if !n.broken {
		delete(r.warned, id)
		return false
	}
	if r.warned[id] {
		return false
	}
	if len(r.warned) >= maxWarned {
		clear(r.warned)
	}
	r.warned[id] = true
	return true
}
