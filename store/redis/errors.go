package redis

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/redis/rueidis"

	"github.com/ration-go/ration/store"
)

// wrapError wraps an error of the client about values, which keys names. The result wraps
// store.ErrNotTaken if nothing can have been charged.
func wrapError(doing, keys string, err error) error {
	switch errorCode(err) {
	case "WRONGTYPE", "LAYOUT":
		err = fmt.Errorf("%s or one of its hashes: %w", keys, err)
	}
	if notApplied(err) {
		return fmt.Errorf("store/redis: %s: %w: %w", doing, store.ErrNotTaken, markDenied(err))
	}
	return commandError(err, "%s", doing)
}

// commandError returns the error of a command. The format says what the command was for,
// such as "keys". The result wraps store.ErrDenied, too, if Redis has denied it.
func commandError(err error, format string, args ...any) error {
	return fmt.Errorf("store/redis: %s: %w", fmt.Sprintf(format, args...), markDenied(err))
}

// markDenied wraps store.ErrDenied beside err if Redis has denied the credential or a
// right.
func markDenied(err error) error {
	if isDenied(err) {
		return fmt.Errorf("%w: %w", store.ErrDenied, err)
	}
	return err
}

// isDenied reports whether Redis has denied the credential or a right.
func isDenied(err error) bool {
	switch errorCode(err) {
	case "NOAUTH", "WRONGPASS", "NOPERM":
		return true
	}
	return false
}

// notApplied reports whether err proves that the script changed nothing. Any other error,
// such as a deadline or a cut connection, may have come after the charge.
func notApplied(err error) bool {
	if dial, ok := errors.AsType[*net.OpError](err); ok && dial.Op == "dial" {
		return true
	}
	switch errorCode(err) {
	// The server runs no command, or not this one, or not here.
	case "LOADING", "BUSY", "MASTERDOWN", "CLUSTERDOWN", "MOVED", "ASK", "TRYAGAIN", "CROSSSLOT", "NOAUTH", "NOSCRIPT",
		// It takes no writes. It refuses the first write of a script, never a later one.
		"READONLY", "OOM", "MISCONF", "NOREPLICAS",
		// The user may not run a command of the script, before its first write. A script that
		// has written says WRITE instead.
		"NOPERM",
		// The script found a value that it cannot read, before its first write.
		"WRONGTYPE", "LAYOUT":
		return true
	}
	return false
}

// scriptError is the error of one decision in a batch, as Redis gave it to the script.
type scriptError string

func (e scriptError) Error() string { return string(e) }

// errorCode returns the first word of an error that Redis replied, or "" for any other
// error.
func errorCode(err error) string {
	text, ok := errors.AsType[scriptError](err)
	if !ok {
		reply, ok := errors.AsType[*rueidis.RedisError](err)
		if !ok || reply.IsNil() {
			return ""
		}
		text = scriptError(reply.Error())
	}
	word, _, _ := strings.Cut(string(text), " ")
	return word
}

// notSent returns the error of a call whose ctx was done before anything was sent.
func notSent(ctx context.Context, doing string) error {
	return fmt.Errorf("store/redis: %s: %w: %w", doing, store.ErrNotTaken, ctx.Err())
}
