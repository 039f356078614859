package middleware

import (
	"context"
	"log/slog"
	"strings"

	"github.com/ration-go/ration/apikey"
)

// misread tells of a secret that the Gate's Format does not pass, and so the Gate has not looked up. A secret whose checksum is
// right was made by some Service: there, one warning says which two prefixes differ, since the usual cause is a Gate and a
// Service of different Formats. All else is for slog.LevelDebug.
func (m *Middleware) misread(ctx context.Context, secret string) {
	format := m.gate.KeyFormat()
	err := format.Check(secret)
	switch {
	case secret == "" || err == nil:
	case (apikey.Format{}).Check(secret) == nil && !m.prefixed.Swap(true):
		prefix := secret[:strings.LastIndexByte(secret, '_')] // what follows is base62
		m.cfg.Logger.LogAttrs(ctx, slog.LevelWarn, "ration: a key was refused for its prefix alone. Do apikey.Config and usageplan.GateConfig have the same Format?",
			slog.String("prefix", prefix), slog.String("want", format.Prefix))
	default:
		m.debug(ctx, err)
	}
}
