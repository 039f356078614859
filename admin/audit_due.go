package admin

import (
	"fmt"
	"time"

	"github.com/ration-go/ration/apikey"
)

// A dueAudit looks at how old secrets are, and when keys expire.
type dueAudit struct {
	cfg      apikey.ReminderConfig
	secrets  finding
	expiries finding
}

// dueAhead is how long before its deadline a key is reported.
const dueAhead = 14 * 24 * time.Hour

func newDueAudit(age time.Duration) dueAudit {
	return dueAudit{
		cfg: apikey.ReminderConfig{MaxAge: age, Ahead: dueAhead},
		secrets: finding{
			Title: "Secrets to rotate",
			Why: fmt.Sprintf("The secret is %d days old, or will be within %d days, or it was revoked. "+
				"The older a secret, the more people and machines have seen it. Rotate the key.", wholeDays(age), wholeDays(dueAhead)),
		},
		expiries: finding{
			Title: "Keys that expire soon",
			Why:   fmt.Sprintf("They expire within %d days. Tell their owners, or set another time.", wholeDays(dueAhead)),
		},
	}
}

// add looks at one key.
func (a *dueAudit) add(k *apikey.Key, now time.Time) {
	for _, r := range k.Reminders(now, a.cfg) {
		switch {
		case r.Kind == apikey.RemindExpiry:
			a.expiries.add("key", k.ID, "expires on "+when(r.At))
		case !k.HasSecret():
			a.secrets.add("key", k.ID, "revoked, ends on "+when(r.At))
		default:
			a.secrets.add("key", k.ID, "since "+when(k.SecretCreated()))
		}
	}
}

// secretText says since when a key has had its secret.
func secretText(k *apikey.Key) string {
	if !k.HasSecret() {
		return "revoked: rotate the key"
	}
	return "since " + when(k.SecretCreated())
}

func wholeDays(d time.Duration) int { return int(d / (24 * time.Hour)) }

// prefixNote returns what an operator should know of the form of secrets, or "".
func prefixNote(f apikey.Format) string {
	if f.HasOwnPrefix() || f.AcceptForeign {
		return ""
	}
	return "The secrets of this service begin as those of others do. Give them a prefix of their own (KeyFormat.Prefix), so that secret scanners can tell whose secret they have found."
}
