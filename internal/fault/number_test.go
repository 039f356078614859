package fault_test

import (
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/internal/fault"
)

func TestNumber(t *testing.T) {
	for text, want := range map[string]string{
		"":     `limit: "": want a whole number`,
		"1k":   `limit: "1k": want a whole number`,
		"1000": `limit: "1000": value out of range`,
	} {
		_, err := strconv.ParseInt(text, 10, 8)
		require.EqualError(t, fault.Number("limit", text, "a whole number", err), want)
	}
}
