package apigateway_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/usageplan/apigateway"
)

// TestNewNamesFaults has a line for each fault of the account's limit, with its whole path.
func TestNewNamesFaults(t *testing.T) {
	_, err := apigateway.New(apigateway.Config{Account: limiter.Limit{Rate: -1, Burst: -2}})
	require.ErrorIs(t, err, limiter.ErrInvalid)
	require.EqualError(t, err, "apigateway: new: keys, plans, gate: want all three\n"+
		"authenticate: nil: want one: who reaches the handler could make keys\n"+
		"account.burst: -2: want 0 or more\n"+
		"account.rate: -1 a second: want 0, 1e-8 to 1e12, or rate.Inf")
}
