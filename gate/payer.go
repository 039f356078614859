package gate

import "fmt"

// A Payer is one of those whose limits a request must fit, and to whom it is charged. A
// request has up to six: its key, the groups above the key, its API stage, and the
// account.
type Payer struct {
	Kind PayerKind

	// ID is the ID of the key or the group, or the API stage as "api:stage". It is empty for
	// the account.
	ID string
}

// String returns the kind and the ID, such as "group acme".
func (p Payer) String() string {
	if p.ID == "" {
		return p.Kind.String()
	}
	return p.Kind.String() + " " + p.ID
}

// A PayerKind is a kind of Payer. Its String can be the label of a metric.
type PayerKind uint8

// The kinds of payers.
const (
	PayerKey     PayerKind = iota // a key, by its own plan
	PayerGroup                    // a group above the key
	PayerStage                    // all requests of an API stage: Config.Stages
	PayerAccount                  // all requests: Config.Account
)

// String returns "key", "group", "stage" or "account".
func (k PayerKind) String() string {
	names := [...]string{"key", "group", "stage", "account"}
	if int(k) < len(names) {
		return names[k]
	}
	return fmt.Sprintf("payer(%d)", uint8(k))
}
