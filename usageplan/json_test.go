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
	const (
		form    = `want a form like "100/second burst 200", with second, minute, hour or day; or "unlimited", or "blocked"`
		further = `: a unit, a name and "soft" belong in throttles`
	)
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
		`{"throttles":["5 tokens/s"]}`:                     "",
		`{"throttles":[]}`:                                 "",
		`{"throttles":null}`:                               `throttles: null: want a value, or no such member`,
		`{"throttles":["5/s",null]}`:                       `throttles[1]: null`,
		`{"throttles":"5/s"}`:                              `throttles: string: want an array`,
		`{"throttles":[5]}`:                                `number: want a string`,
		`{"throttles":[{"limit":"5/s","unit":"tokens"}]}`:  `object: want a string`,
		`{"throttles":["5/s"],"Throttles":[]}`:             `Throttles: there twice`,
		`{"throttles":["unlimited"]}`:                      `rate: unlimited: want a rate, or no such throttle`,
		`{"id":"free","throttles":["5 tokens"]}`:           `usageplan: invalid plan "free": usageplan: invalid throttle "5 tokens": `,
		`{"for":{"opus":{"throttles":["5 tokens/s soft"],"QUOTAS":["5/day"]},"Opus":{},"GET /a":{}}}`: "",
		`{"throttle":"5/s soft"}`:                            `usageplan: invalid plan: throttle: limiter: invalid limit "5/s soft": ` + form + further,
		`{"id":"p","throttle":"5 tokens/s"}`:                 `usageplan: invalid plan "p": throttle: limiter: invalid limit "5 tokens/s": ` + form + further,
		`{"throttle":"5/s as x"}`:                            further,
		`{"throttle":"5/s softly"}`:                          form,
		`{"routes":{"GET /a":"5/s soft"}}`:                   `limiter: invalid limit "5/s soft"`,
		`{"throttles":["5/s soft"],"quotas":["5/day soft"]}`: "",
		`{"for":{}}`:                                             "",
		`{"for":null}`:                                           `for: null: want a value, or no such member`,
		`{"for":{"opus":null}}`:                                  `for["opus"]: null: want an object`,
		`{"for":{"opus":{"quotas":null}}}`:                       `for["opus"]: quotas: null`,
		`{"for":{"opus":{"quotas":["5/day",null]}}}`:             `for["opus"]: quotas[1]: null`,
		`{"for":{"opus":{"quota":["5/day"]}}}`:                   `usageplan: invalid plan: for["opus"]: json: unknown field "quota"`,
		`{"for":{"opus":{"throttle":"5/s"}}}`:                    `usageplan: invalid plan: for["opus"]: json: unknown field "throttle"`,
		`{"for":{"a":{},"b":{"quotas":["5/day"],"x":1}}}`:        `usageplan: invalid plan: for["b"]: json: unknown field "x"`,
		`{"for":{"opus":{},"opus":{"quotas":["5/day"]}}}`:        `for.opus: there twice`,
		`{"for":{"opus":{"quotas":["5/day"],"quotas":[]}}}`:      `for["opus"]: quotas: there twice`,
		`{"for":{"opus":{"quotas":["5/day"],"Quotas":[]}}}`:      `for["opus"]: Quotas: there twice`,
		`{"FOR":{"opus":{"quotas":["5/day"],"QUOTAS":[]}}}`:      `for["opus"]: QUOTAS: there twice`,
		`{"for":{"opus":{"quota\u017f":["5/day"],"quotas":[]}}}`: `for["opus"]: quotas: there twice`,
		`{"for":{},"For":{"opus":{"quotas":["5/day"]}}}`:         `For: there twice`,
		`{"for":[]}`:                                        `for: array: want an object`,
		`{"for":{"opus":["5/day"]}}`:                        `array: want an object`,
		`{"for":{"opus":"5/day"}}`:                          `string: want an object`,
		`{"for":{"opus":{"quotas":"5/day"}}}`:               `string: want an array`,
		`{"for":{"opus":{"quotas":["5/dy"]}}}`:              `usageplan: invalid plan: for["opus"]: quota: invalid quota "5/dy": period: `,
		`{"for":{"opus":{"throttles":["unlimited soft"]}}}`: `rate: unlimited`,
		`{"fors":{}}`:                                       `unknown field "fors"`,
		`{"throttleByCost":true}`:                           `unknown field "throttleByCost"`,
		`{"routes":{"GET /a":null}}`:                        `routes.GET /a: null`,
		`[]`:                                                `array: want an object`,
		`{"throttle":5}`:                                    `usageplan: invalid plan: throttle: number: want a string`,
		`{"throttle":{"rate":5}}`:                           `throttle: object: want a string`,
		`{"quotas":"5/day"}`:                                `quotas: string: want an array`,
		`{"id":"free","throtle":"5/s"}`:                     `usageplan: invalid plan "free": json: unknown field "throtle"`,
		`{"id":"free","throttle":"5/x"}`:                    `usageplan: invalid plan "free": limiter: invalid limit "5/x"`,
		`{"id":"free","throttle":"5/s","throttle":"6/s"}`:   `usageplan: invalid plan "free": throttle: there twice`,
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
		`{"planId":"p","keyId":"k","throttle":"5/s soft"}`:             `a unit, a name and "soft" belong in throttles`,
		`{"planId":"p","keyId":"k","allowance":"p","quota":["5/day"]}`: `unknown field "quota"`,
		`{"planId":"p","keyId":"k","allowance":"p","quotas":null}`:     `quotas: null`,
		`{"planId":"p","keyId":"k","allowance":"p","throttles":null}`:  `throttles: null`,
		`{"planId":"p","keyId":"k","allowance":"p","throttles":[""]}`:  `usageplan: invalid link: usageplan: invalid throttle "": `,
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

// TestLimitsOnlyInPlans checks that a link and a group have no limits of classes.
func TestLimitsOnlyInPlans(t *testing.T) {
	for _, record := range []any{new(usageplan.Link), new(usageplan.Group)} {
		err := json.Unmarshal([]byte(`{"for":{"opus":{"quotas":["5/day"]}}}`), record)
		require.ErrorIs(t, err, usageplan.ErrInvalid)
		require.ErrorContains(t, err, `unknown field "for"`)
	}
}

// TestPlanJSONKeepsDefaults checks that fields keep their values if the JSON does not
// name them.
func TestPlanJSONKeepsDefaults(t *testing.T) {
	p := usageplan.Plan{Throttle: throttle(5, 7), Quotas: perDay(9)}
	require.NoError(t, json.Unmarshal([]byte(`{"quotas":["3/day"]}`), &p))
	require.Equal(t, usageplan.Plan{Throttle: throttle(5, 7), Quotas: perDay(3)}, p)
}
