package storetest

import (
	"net/netip"
	"reflect"
	"time"
)

// sameRecord reports whether two records are equal. Unlike reflect.DeepEqual, it compares
// times as instants and zones by their names: a store may return a time in any zone, and
// may load the zone of a quota anew.
func sameRecord(got, want any) bool {
	a, b := reflect.ValueOf(got), reflect.ValueOf(want)
	if !a.IsValid() || !b.IsValid() || a.Type() != b.Type() {
		return reflect.DeepEqual(got, want)
	}
	return sameValue(a, b)
}

func sameValue(a, b reflect.Value) bool {
	switch x := a.Interface().(type) {
	case time.Time:
		return x.Equal(b.Interface().(time.Time))
	case netip.Prefix:
		return x == b.Interface().(netip.Prefix)
	case *time.Location:
		return x.String() == b.Interface().(*time.Location).String()
	}
	switch a.Kind() {
	case reflect.Pointer:
		return a.IsNil() == b.IsNil() && (a.IsNil() || sameValue(a.Elem(), b.Elem()))
	case reflect.Struct:
		return sameFields(a, b)
	case reflect.Slice:
		return a.IsNil() == b.IsNil() && a.Len() == b.Len() && sameElements(a, b)
	case reflect.Map:
		return a.IsNil() == b.IsNil() && a.Len() == b.Len() && sameEntries(a, b)
	}
	return reflect.DeepEqual(a.Interface(), b.Interface())
}

func sameFields(a, b reflect.Value) bool {
	for i := range a.NumField() {
		if !sameValue(a.Field(i), b.Field(i)) {
			return false
		}
	}
	return true
}

func sameElements(a, b reflect.Value) bool {
	for i := range a.Len() {
		if !sameValue(a.Index(i), b.Index(i)) {
			return false
		}
	}
	return true
}

func sameEntries(a, b reflect.Value) bool {
	for _, key := range a.MapKeys() {
		if other := b.MapIndex(key); !other.IsValid() || !sameValue(a.MapIndex(key), other) {
			return false
		}
	}
	return true
}
