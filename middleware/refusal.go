package middleware

import (
	"context"
	"log/slog"
	"strings"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
)

// logRefusal logs a refused credential at slog.LevelDebug: the reason, and the key's ID
// if it is known. The log is the only place to tell the reasons apart, since all refusals
// look the same from outside. malformed is the fault that the Extractor found.
func (m *Middleware) logRefusal(ctx context.Context, d *gate.Decision, found *Credential, malformed error) {
	if m.cfg.Logger == nil {
		return
	}
	switch d.Reason {
	case gate.Unknown:
		if found.Secret != "" {
			malformed = m.gate.KeyFormat().Check(string(found.Secret))
			m.warnOfFormat(ctx, string(found.Secret), malformed)
		}
	case gate.Disabled, gate.Expired, gate.NoPlan, gate.NoGroup, gate.NotCached, gate.ScopeMissing, gate.AddressRefused:
	default:
		return
	}
	if !m.cfg.Logger.Enabled(ctx, slog.LevelDebug) {
		return
	}
	reason := slog.String("reason", d.Reason.String())
	switch {
	case malformed != nil:
		reason = slog.Any("reason", malformed)
	case found.none():
		reason = slog.String("reason", "no credential")
	}
	attrs := []slog.Attr{reason}
	if d.Key != nil {
		attrs = append(attrs, slog.String("key", d.Key.ID))
	}
	m.cfg.Logger.LogAttrs(ctx, slog.LevelDebug, "ration: credential refused", attrs...)
}

// warnOfFormat warns once of a secret that the Gate's Format refuses for its prefix
// alone, although its checksum is right, and once of one that it refuses for its tag.
// Such a secret was often made by a Service, so the usual cause is a Gate and a Service
// with different Formats.
func (m *Middleware) warnOfFormat(ctx context.Context, secret string, malformed error) {
	if malformed == nil || (apikey.Format{}).Check(secret) != nil {
		return
	}
	untagged := m.gate.KeyFormat()
	untagged.TagKeys, untagged.AcceptUntagged = nil, false
	if untagged.Check(secret) == nil {
		if !m.untagged.Swap(true) {
			m.cfg.Logger.LogAttrs(ctx, slog.LevelWarn,
				"ration: a key was refused for its tag alone. It is forged, or it was created without TagKeys or with others: see apikey.Format.AcceptUntagged")
		}
		return
	}
	if m.prefixed.Swap(true) {
		return
	}
	m.gate.NoteMistake(gate.OtherFormat)
	// The rest of the secret is base62, which has no underscore.
	prefix := secret[:strings.LastIndexByte(secret, '_')]
	m.cfg.Logger.LogAttrs(ctx, slog.LevelWarn,
		"ration: a key was refused for its prefix alone. Was the prefix changed, or do apikey.Config and gate.Config have different Formats? See apikey.Format.Prefix",
		slog.String("prefix", prefix), slog.String("want", m.gate.KeyFormat().Prefix))
}
