package fault_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/internal/fault"
)

var (
	errInner = errors.New("inner: invalid")
	errOuter = errors.New("outer: invalid")
	errField = errors.New("burst: -1: want 0 or more")
)

// TestReport expects every fault on its own line with its whole path, and each kind once.
func TestReport(t *testing.T) {
	inner := fault.Report(errInner, "limit", nil, errField, errors.New("rate: -2: want 0 or more"))
	require.EqualError(t, inner, "inner: invalid limit: burst: -1: want 0 or more\nrate: -2: want 0 or more")

	outer := fault.Report(errOuter, "", errors.New("id: want one"), fault.In("throttle", inner), fault.In("list", errors.New("too long")))
	require.EqualError(t, outer, "outer: invalid: id: want one\nthrottle.burst: -1: want 0 or more\nthrottle.rate: -2: want 0 or more\nlist: too long")

	list := fault.Report(errInner, "list", fault.In("[3]", outer), fault.In("", outer))
	require.EqualError(t, fault.Report(errOuter, "all", fault.In("plans", list)), "outer: invalid all: "+
		"plans[3].id: want one\nplans[3].throttle.burst: -1: want 0 or more\nplans[3].throttle.rate: -2: want 0 or more\nplans[3].list: too long\n"+
		"plans.id: want one\nplans.throttle.burst: -1: want 0 or more\nplans.throttle.rate: -2: want 0 or more\nplans.list: too long")
	for _, err := range []error{errInner, errOuter, errField} {
		require.ErrorIs(t, outer, err)
	}
}

// TestUnwrapHasNoNil keeps the rule of package errors, which tools that walk errors rely
// on.
func TestUnwrapHasNoNil(t *testing.T) {
	err := fault.Report(errOuter, "plan", nil, errField, nil)
	all, ok := err.(interface{ Unwrap() []error })
	require.True(t, ok)
	require.Equal(t, []error{errOuter, errField}, all.Unwrap())
}

// TestNoFault expects no error if there are no faults.
func TestNoFault(t *testing.T) {
	require.NoError(t, fault.Report(errOuter, "plan"))
	require.NoError(t, fault.Report(errOuter, "plan", nil, fault.In("throttle", nil), fault.In("", fault.Report(errInner, "limit"))))
}
