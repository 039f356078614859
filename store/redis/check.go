package redis

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/redis/rueidis"

	"github.com/ration-go/ration/store"
)

// Check reads INFO of each server. Its error names all settings that do not suit a quota,
// and all servers that could not be asked. The settings are:
//
//   - a version below 6.2, which lacks commands that the scripts use;
//   - a maxmemory-policy other than noeviction, because an evicted key is a quota that
//     starts anew;
//   - no append-only file, because a server that restarts has then forgotten the last
//     minutes, or everything.
//
// The error wraps store.ErrSettings if all servers answer and have the commands that the
// scripts use.
func (s *Store) Check(ctx context.Context) error {
	l, err := s.connected(ctx)
	if err != nil {
		return err
	}
	var wrong, failure error
	ask := func(ctx context.Context) { wrong, failure = checkServers(ctx, l.client) }
	if err := l.commands.do(ctx, ask); err != nil {
		return fmt.Errorf("store/redis: check: %w", err)
	}
	if failure == nil && wrong != nil && !errors.Is(wrong, errVersion) {
		return unsuitable{wrong}
	}
	return errors.Join(wrong, failure)
}

// unsuitable is an error about settings of servers that decide nevertheless.
type unsuitable struct{ error }

// Unwrap returns the error that errors.Is and errors.As look at, too.
func (u unsuitable) Unwrap() error { return u.error }

// Is reports whether target is store.ErrSettings.
func (unsuitable) Is(target error) bool { return target == store.ErrSettings }

// errVersion is the fault of a server that is too old for the scripts.
var errVersion = errors.New("want 6.2 or newer")

// checkServers returns the settings that are wrong, and why servers could not be asked. A
// server that does not let the user run INFO counts as wrong: asking again would not
// help.
func checkServers(ctx context.Context, client rueidis.Client) (wrong, failure error) {
	var faulty, failed []error
	for addr, node := range client.Nodes() {
		info, err := node.Do(ctx, node.B().Info().Build()).ToString()
		switch {
		case errorCode(err) == "NOPERM":
			faulty = append(faulty, fmt.Errorf("store/redis: check: %s: %w", addr, err))
		case err != nil:
			failed = append(failed, fmt.Errorf("store/redis: check: %s: %w", addr, err))
		}
		for _, fault := range settingFaults(info) {
			faulty = append(faulty, fmt.Errorf("store/redis: check: %s: %w", addr, fault))
		}
	}
	return errors.Join(faulty...), errors.Join(failed...)
}

// settingFaults returns what is wrong by the text of INFO. A setting that is not in the
// text counts as right.
func settingFaults(info string) (faults []error) {
	fields := map[string]string{}
	for line := range strings.Lines(info) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		fields[name] = value
	}
	if v := fields["redis_version"]; older(v, 6, 2) {
		faults = append(faults, fmt.Errorf("redis_version: %s: %w", v, errVersion))
	}
	if policy := fields["maxmemory_policy"]; policy != "" && policy != "noeviction" {
		faults = append(faults, fmt.Errorf("maxmemory-policy: %s: want noeviction: an evicted key is a quota that starts anew", policy))
	}
	if fields["aof_enabled"] == "0" {
		faults = append(faults, errors.New("appendonly: no: want yes: a server that restarts forgets what was used"))
	}
	return faults
}

// older reports whether version is before major.minor. A version that cannot be parsed is
// not.
func older(version string, major, minor int) bool {
	first, rest, _ := strings.Cut(version, ".")
	second, _, _ := strings.Cut(rest, ".")
	x, errX := strconv.Atoi(first)
	y, errY := strconv.Atoi(second)
	return errX == nil && errY == nil && (x < major || x == major && y < minor)
}

// inspectTime is the most time that inspect takes of a caller that is connecting.
const inspectTime = time.Second

// inspect logs what Check finds, once for a Store. If a server cannot be asked, nothing
// is logged, and the next call tries again.
func (s *Store) inspect(ctx context.Context, client rueidis.Client) {
	if s.logger == nil || s.inspected.Load() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, inspectTime)
	defer cancel()
	wrong, failure := checkServers(ctx, client)
	if failure != nil || s.inspected.Swap(true) || wrong == nil {
		return
	}
	s.logger.LogAttrs(ctx, slog.LevelWarn, "ration: settings of Redis do not suit quotas", slog.Any("error", wrong))
}
