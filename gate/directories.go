package gate

import (
	"reflect"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/usageplan"
)

// accessReader returns keys as an AccessReader, or nil. Keys and plans must be one
// store: an AccessReader returns both in one call.
func accessReader(keys apikey.Store, plans usageplan.Store) usageplan.AccessReader {
	reader, ok := keys.(usageplan.AccessReader)
	if !ok || len(directories(keys, plans)) > 1 {
		return nil
	}
	return reader
}

// directories returns the stores of keys and of plans. If they are one store, it is
// returned once.
func directories(keys apikey.Store, plans usageplan.Store) []any {
	// Comparing interfaces panics if their dynamic type is not comparable.
	if reflect.ValueOf(keys).Comparable() && any(keys) == any(plans) {
		return []any{keys}
	}
	return []any{keys, plans}
}
