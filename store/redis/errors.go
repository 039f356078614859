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

// fault wraps what the client returned for the value under key, and says so if nothing
// can have been charged.
func fault(doing, key string, err error) error {
	switch code(err) {
	case "WRONGTYPE", "LAYOUT":
		err = fmt.Errorf("key %q or what is beside it: %w", key, err)
	}
	if untouched(err) {
		return fmt.Errorf("store/redis: %s: %w: %w", doing, store.ErrNotTaken, err)
	}
	return fmt.Errorf("store/redis: %s: %w", doing, err)
}

// untouched says whether err proves that the script changed nothing. Anything else, such
// as a deadline or a connection that was cut, may have come after the charge.
func untouched(err error) bool {
	if dial, ok := errors.AsType[*net.OpError](err); ok && dial.Op == "dial" {
		return true
	}
	switch code(err) {
	// The server runs no command, or not this one, or not here.
	case "LOADING", "BUSY", "MASTERDOWN", "CLUSTERDOWN", "MOVED", "ASK", "TRYAGAIN", "CROSSSLOT", "NOAUTH", "NOSCRIPT",
		// It takes no writes. It says so at the first write of a script, never between two.
		"READONLY", "OOM", "MISCONF", "NOREPLICAS",
		// Not allowed to the user, whichever command of the script it is: the value is written
		// last.
		"NOPERM",
		// The script found what it cannot read, before its first write.
		"WRONGTYPE", "LAYOUT":
		return true
	}
	return false
}

// scriptError is an error in one of many decisions, as Redis gave it to the script.
type scriptError string

func (e scriptError) Error() string { return string(e) }

// code is the first word of an error that Redis replied, or nothing.
func code(err error) string {
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

// done says that ctx was done before anything was sent.
func done(ctx context.Context, doing string) error {
	return fmt.Errorf("store/redis: %s: %w: %w", doing, store.ErrNotTaken, ctx.Err())
}
