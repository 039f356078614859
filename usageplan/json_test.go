package usageplan_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/usageplan"
)

// TestPlanJSON decodes plans as a service reads them from its configuration. A typing
// error must never be read as a plan without a limit. The error names the member.
func TestPlanJSON(t *testing.T) {
	for text, want := range map[string]string{
		`{}`:                 "",
		`{"throttle":"5/s"}`: "",
		`{"THROTTLE":"5/s"}`: "",
		` {"routes":{"GET /a":"1/s","GET /A":"2/s"},"stageRoutes":{"a:b":{"*":"1/s"},"a:c":{"*":"1/s"}}} `: "",
		`{"throtle":"5/s"}`:                                `unknown field "throtle"`,
		`{"throttle":"5/s","thr\u006ftle":"5/s"}`:          `unknown field "throtle"`,
		`{"quotas":[{"limit":5}]}`:                         `quotas`,
		`{"throttle":"5/s","throttle":"unlimited"}`:        `throttle: there twice`,
		`{"throttle":"5/s","thr\u006fttle":"unlimited"}`:   `throttle: there twice`,
		`{"throttle":"5/s","Throttle":"unlimited"}`:        `Throttle: there twice`,
		`{"\u017ftages":[],"stages":["a:b"]}`:              `stages: there twice`,
		`{"routes":{"GET /a":"1/s","GET /a":"unlimited"}}`: `routes.GET /a: there twice`,
		`{"stageRoutes":{"a:b":{"*":"1/s","*":"9/s"}}}`:    `stageRoutes.a:b.*: there twice`,
		`{"stageRoutes":{"a:b":{"*":"1/s"},"a:b":{}}}`:     `stageRoutes.a:b: there twice`,
		`{"tags":{"a":"1","a":"2"}}`:                       `tags.a: there twice`,
		`null`:                                             `null: want an object`,
		`{"throttle":null}`:                                `throttle: null: want a value, or no such member`,
		`{"quotas":null}`:                                  `quotas: null`,
		`{"quotas":["5/day",null]}`:                        `quotas[1]: null`,
		`{"routes":{"GET /a":null}}`:                       `routes.GET /a: null`,
		`[]`:                                               `array: want an object`,
		`{"throttle":5}`:                                   `usageplan: invalid plan: throttle: number: want a string`,
		`{"throttle":{"rate":5}}`:                          `throttle: object: want a string`,
		`{"quotas":"5/day"}`:                               `quotas: string: want an array`,
		`{"id":"free","throtle":"5/s"}`:                    `usageplan: invalid plan "free": json: unknown field "throtle"`,
		`{"id":"free","throttle":"5/x"}`:                   `usageplan: invalid plan "free": limiter: invalid limit "5/x"`,
		`{"id":"free","throttle":"5/s","throttle":"6/s"}`:  `usageplan: invalid plan "free": throttle: there twice`,
		`{} {}`:             `after top-level value`,
		`{"throttle":"5/s"`: `unexpected end of JSON input`,
	} {
		var p usageplan.Plan
		err := json.Unmarshal([]byte(text), &p)
		if want == "" {
			require.NoError(t, err, text)
			continue
		}
		require.ErrorContains(t, err, want, text)
		require.ErrorContains(t, json.Unmarshal([]byte(`{"plans":[{},`+text+`]}`), &struct{ Plans []usageplan.Plan }{}), "", text)
	}
}

// TestLinkJSON checks that a typing error in an override is an error. Without the error,
// the limits of the plan would count.
func TestLinkJSON(t *testing.T) {
	for text, want := range map[string]string{
		`{"planId":"p","keyId":"k","allowance":"p","quota":["5/day"]}`: `unknown field "quota"`,
		`{"planId":"p","keyId":"k","allowance":"p","quotas":null}`:     `quotas: null`,
		`{"planId":"p","keyId":"k","allowance":"p","subject":"s"}`:     `unknown field "subject"`,
		`{"throttle":"5/s","throttle":"unlimited"}`:                    `throttle: there twice`,
		`null`: `null: want an object`,
		`{"planId":"p","keyId":"k","allowance":"p","throttle":"5/s","quotas":[]}`: "",
	} {
		err := json.Unmarshal([]byte(text), new(usageplan.Link))
		if want == "" {
			require.NoError(t, err, text)
			continue
		}
		require.ErrorIs(t, err, usageplan.ErrInvalid, text)
		require.ErrorContains(t, err, want, text)
	}
}

// TestPlanJSONKeepsDefaults checks that fields keep their values if the JSON does not
// name them.
func TestPlanJSONKeepsDefaults(t *testing.T) {
	p := usageplan.Plan{Throttle: throttle(5, 7), Quotas: perDay(9)}
	require.NoError(t, json.Unmarshal([]byte(`{"quotas":["3/day"]}`), &p))
	require.Equal(t, usageplan.Plan{Throttle: throttle(5, 7), Quotas: perDay(3)}, p)
}
