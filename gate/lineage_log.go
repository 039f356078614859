package gate

import (
	"context"
	"log/slog"
)

// maxWarned bounds the groups of resolver.warned. Beyond it the Logger is warned of all
// of them again.
const maxWarned = 1 << 10

// warnIfBroken logs a warning if the group of a key that was read is broken. A group may
// have many keys, so it warns once, until the group was seen whole again.
func (r *resolver) warnIfBroken(ctx context.Context, n *node, keyID string) {
	if r.logger != nil && r.noteBroken(n) {
		r.logger.LogAttrs(ctx, slog.LevelWarn, "ration: the keys of a group are refused: the group, one above it "+
			"or a plan of these does not exist, or there are too many groups", slog.String("group", n.group.ID), slog.String("key", keyID))
	}
}

// noteBroken reports whether a group is broken, and was whole when it was seen last.
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
