package admin

import "github.com/ration-go/ration/apikey"

// formFinding begins the finding of keys that the Gate refuses for the form of their
// secrets.
func formFinding() finding {
	return finding{
		Title: "Keys with secrets of another form",
		Why: "They are enabled, and this service refuses them as unknown, before any look-up: another process with another KeyFormat has imported or created them. " +
			"Rotate them here, or give this service a KeyFormat that accepts them.",
	}
}

// addForm looks at the form of one key's secret. A key shows the form only in its hint.
func (a *useAudit) addForm(k *apikey.Key) {
	if !k.Enabled || !k.HasSecret() {
		return
	}
	if err := a.format.CheckHint(k.Hint); err != nil {
		a.forms.add("key", k.ID, err.Error())
	}
}
