package gate

import (
	"reflect"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/usageplan"
)

// accessReader returns keys as an AccessReader if it is one and is the store of plans,
// too.
func accessReader(keys apikey.Store, plans usageplan.Store) usageplan.AccessReader {
	reader, ok := keys.(usageplan.AccessReader)
	if !ok || len(directories(keys, plans)) > 1 {
		return nil
	}
	return reader
}

// directories returns the stores of keys and of plans, once if they are one.
func directories(keys apikey.Store, plans usageplan.Store) []any {
	if reflect.ValueOf(keys).Comparable() && any(keys) == any(plans) {
		return []any{keys}
	}
	return []any{keys, plans}
}
