package gate

import (
	"fmt"
	"slices"
)

// A Payer is one of those whose limits a request must fit, and to whom it is charged. A
// request has up to six: its key, the groups above the key, its API stage, and the
// account.
type Payer struct {
	Kind PayerKind `json:"kind"`

	// ID is the ID of the key or the group, or the API stage as "api:stage". It is empty for
	// the account.
	ID string `json:"id,omitzero"`
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

var payerKinds = [...]string{PayerKey: "key", PayerGroup: "group", PayerStage: "stage", PayerAccount: "account"}

// String returns "key", "group", "stage" or "account".
func (k PayerKind) String() string {
	if int(k) < len(payerKinds) {
		return payerKinds[k]
	}
	return fmt.Sprintf("payer(%d)", uint8(k))
}

// MarshalText returns what String returns. Another value than the four kinds is an error.
func (k PayerKind) MarshalText() ([]byte, error) {
	if int(k) >= len(payerKinds) {
		return nil, fmt.Errorf("%w payer kind: %d: want PayerKey to PayerAccount", ErrInvalid, uint8(k))
	}
	return []byte(k.String()), nil
}

// UnmarshalText sets k to the kind whose String is text. After an error, k is unchanged.
func (k *PayerKind) UnmarshalText(text []byte) error {
	i := slices.Index(payerKinds[:], string(text))
	if i < 0 {
		return fmt.Errorf("%w payer kind: %.40q: want key, group, stage or account", ErrInvalid, text)
	}
	*k = PayerKind(i)
	return nil
}
