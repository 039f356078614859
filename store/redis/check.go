package redis

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"

	"github.com/redis/rueidis"
)

// Check asks each server for settings that a quota does not go with, by INFO, and reports
// them all, or what failed:
//
//   - a version below 6.2, which has not the commands that the scripts use;
//   - a maxmemory-policy other than noeviction: a key that is evicted is a quota that
//     starts anew;
//   - no append-only file: a server that starts again has forgotten the last minutes, or
//     everything.
func (s *Store) Check(ctx context.Context) error {
	l, err := s.connected(ctx)
	if err != nil {
		return err
	}
	var wrong, failure error
	ask := func(ctx context.Context) { wrong, failure = check(ctx, l.client) }
	if err := l.errands.send(ctx, l, ask); err != nil {
		return fmt.Errorf("store/redis: check: %w", err)
	}
	return errors.Join(wrong, failure)
}

// check is what is wrong. It is a failure as well if a server could not be asked.
func check(ctx context.Context, client rueidis.Client) (wrong, failure error) {
	var faulty, failed []error
	for addr, node := range client.Nodes() {
		info, err := node.Do(ctx, node.B().Info().Build()).ToString()
		switch {
		case code(err) == "NOPERM":
			faulty = append(faulty, fmt.Errorf("store/redis: check: %s: %w", addr, err))
		case err != nil:
			failed = append(failed, fmt.Errorf("store/redis: check: %s: %w", addr, err))
		}
		for _, fault := range faults(info) {
			faulty = append(faulty, fmt.Errorf("store/redis: check: %s: %s", addr, fault))
		}
	}
	return errors.Join(faulty...), errors.Join(failed...)
}

// faults are what is wrong by the text of INFO. What it does not tell is right.
func faults(info string) (faults []string) {
	fields := map[string]string{}
	for line := range strings.Lines(info) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		fields[name] = value
	}
	if v := fields["redis_version"]; older(v, 6, 2) {
		faults = append(faults, fmt.Sprintf("redis_version: %s: want 6.2 or newer", v))
	}
	if policy := fields["maxmemory_policy"]; policy != "" && policy != "noeviction" {
		faults = append(faults, fmt.Sprintf("maxmemory-policy: %s: want noeviction: a key that is evicted is a quota that starts anew", policy))
	}
	if fields["aof_enabled"] == "0" {
		faults = append(faults, "appendonly: no: want yes: a server that starts again would have forgotten what was used")
	}
	return faults
}

// older says whether a version is before major.minor; one that cannot be read is not.
func older(version string, major, minor int) bool {
	first, rest, _ := strings.Cut(version, ".")
	second, _, _ := strings.Cut(rest, ".")
	x, errX := strconv.Atoi(first)
	y, errY := strconv.Atoi(second)
	return errX == nil && errY == nil && (x < major || x == major && y < minor)
}

// inspect tells the Logger what Check finds: once, when every server has been asked. It
// takes a second at most.
func (s *Store) inspect(ctx context.Context, client rueidis.Client) {
	if s.logger == nil || s.inspected.Load() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, brief)
	defer cancel()
	wrong, failure := check(ctx, client)
	if failure != nil || s.inspected.Swap(true) || wrong == nil {
		return
	}
	s.logger.LogAttrs(ctx, slog.LevelWarn, "ration: settings of Redis", slog.Any("error", wrong))
}
