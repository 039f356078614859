package nilcheck_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/internal/nilcheck"
)

func TestFaults(t *testing.T) {
	type slice []int
	for _, c := range []struct {
		v                  any
		required, optional string
	}{
		{nil, "counter: nil: want one", ""},
		{(*int)(nil), "counter: nil *int: want one", "counter: nil *int: want one"},
		{(func())(nil), "counter: nil func(): want one", "counter: nil func(): want one"},
		{map[string]int(nil), "counter: nil map[string]int: want one", "counter: nil map[string]int: want one"},
		{slice(nil), "", ""}, // an empty list is a list
		{new(int), "", ""},
		{0, "", ""},
	} {
		for err, want := range map[error]string{nilcheck.Required("counter", c.v, "one"): c.required, nilcheck.Optional("counter", c.v, "one"): c.optional} {
			if want == "" {
				require.NoError(t, err, "%T", c.v)
			} else {
				require.EqualError(t, err, want)
			}
		}
	}
	require.PanicsWithValue(t, "pkg: New: a fault", func() { nilcheck.Must("pkg: New", errors.New("a fault")) })
	require.NotPanics(t, func() { nilcheck.Must("pkg: New", nil) })
}
