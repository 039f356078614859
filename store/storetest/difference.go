package storetest

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"
)

// differences returns the fields in which got differs from want, by their paths below
// path, such as Quotas[0].Limit. Two times are equal if they are the same instant. As in
// reflect.DeepEqual, nil differs from an empty list.
func differences(path string, got, want reflect.Value) []string {
	if got.IsValid() && got.Type() == reflect.TypeFor[time.Time]() {
		if got.Interface().(time.Time).Equal(want.Interface().(time.Time)) {
			return nil
		}
		return []string{difference(path, got, want)}
	}
	if reflect.DeepEqual(got.Interface(), want.Interface()) {
		return nil
	}
	switch got.Kind() {
	case reflect.Struct:
		return structDifferences(path, got, want)
	case reflect.Slice:
		return sliceDifferences(path, got, want)
	case reflect.Map:
		return mapDifferences(path, got, want)
	case reflect.Pointer:
		if !got.IsNil() && !want.IsNil() && !isZone(got) {
			return differences(path, got.Elem(), want.Elem())
		}
	}
	return []string{difference(path, got, want)}
}

func structDifferences(path string, got, want reflect.Value) (all []string) {
	for i := range got.NumField() {
		field := got.Type().Field(i)
		if !field.IsExported() {
			return []string{difference(path, got, want)}
		}
		name := field.Name
		if path != "" {
			name = path + "." + name
		}
		all = append(all, differences(name, got.Field(i), want.Field(i))...)
	}
	return all
}

func sliceDifferences(path string, got, want reflect.Value) (all []string) {
	if got.Len() != want.Len() || got.IsNil() != want.IsNil() || got.Type().Elem().Kind() == reflect.Uint8 {
		return []string{difference(path, got, want)}
	}
	for i := range got.Len() {
		all = append(all, differences(fmt.Sprintf("%s[%d]", path, i), got.Index(i), want.Index(i))...)
	}
	return all
}

func mapDifferences(path string, got, want reflect.Value) (all []string) {
	if got.IsNil() != want.IsNil() {
		return []string{difference(path, got, want)}
	}
	element := func(key reflect.Value) string { return fmt.Sprintf("%s[%s]", path, excerpt(text(key), 0)) }
	for _, key := range sortedKeys(want) {
		if there := got.MapIndex(key); there.IsValid() {
			all = append(all, differences(element(key), there, want.MapIndex(key))...)
		} else {
			all = append(all, fmt.Sprintf("%s is missing, want %s", element(key), excerpt(text(want.MapIndex(key)), 0)))
		}
	}
	for _, key := range sortedKeys(got) {
		if !want.MapIndex(key).IsValid() {
			all = append(all, fmt.Sprintf("%s is %s, want none", element(key), excerpt(text(got.MapIndex(key)), 0)))
		}
	}
	return all
}

// sortedKeys returns the keys of a map by their texts, so that a message is the same in
// each run.
func sortedKeys(m reflect.Value) []reflect.Value {
	keys := m.MapKeys()
	slices.SortFunc(keys, func(a, b reflect.Value) int { return strings.Compare(text(a), text(b)) })
	return keys
}

func difference(path string, got, want reflect.Value) string {
	g, w := text(got), text(want)
	if g == w && isZone(got) {
		w += " with other offsets"
	} else if g == w { // a type that prints less than it is
		g, w = fmt.Sprintf("%#v", got.Interface()), fmt.Sprintf("%#v", want.Interface())
	}
	g, w = excerpts(g, w)
	if path == "" {
		return fmt.Sprintf("got %s, want %s", g, w)
	}
	return fmt.Sprintf("%s is %s, want %s", path, g, w)
}

// longest is how many bytes of a value a message prints.
const longest = 200

// excerpts cuts long texts to the part in which they first differ.
func excerpts(got, want string) (string, string) {
	at := 0
	for at < min(len(got), len(want)) && got[at] == want[at] {
		at++
	}
	return excerpt(got, at), excerpt(want, at)
}

// excerpt cuts a long text to the part around a byte of it.
func excerpt(text string, at int) string {
	if len(text) <= longest {
		return text
	}
	from := max(0, min(at-longest/4, len(text)-longest))
	to := min(len(text), from+longest)
	part := strings.ToValidUTF8(text[from:to], "")
	if from > 0 {
		part = "…" + part
	}
	if to < len(text) {
		part += "…"
	}
	return fmt.Sprintf("%s (a part of %d bytes)", part, len(text))
}

// text prints a value on one line, so that nil, an empty list and an empty text differ.
func text(v reflect.Value) string {
	switch {
	case v.Kind() == reflect.String:
		return fmt.Sprintf("%q", v.Interface())
	case isZone(v) && !v.IsNil():
		return fmt.Sprintf("%q", v.Interface())
	case v.Kind() == reflect.Pointer && !v.IsNil():
		return text(v.Elem())
	case (v.Kind() == reflect.Slice || v.Kind() == reflect.Map || v.Kind() == reflect.Pointer) && v.IsNil():
		return "nil"
	case v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.Uint8:
		return fmt.Sprintf("%q", v.Interface())
	case v.Type() == reflect.TypeFor[time.Time]():
		return v.Interface().(time.Time).Format(time.RFC3339Nano)
	default:
		return fmt.Sprintf("%+v", v.Interface())
	}
}

// isZone reports whether v is a *time.Location, which a message shows by its name.
func isZone(v reflect.Value) bool { return v.Type() == reflect.TypeFor[*time.Location]() }

// lines returns the lines of a message about differences. Of many, a store author needs
// the first ones and their number.
func lines(differences []string) string {
	if more := len(differences) - mostLines; more > 1 {
		differences = append(slices.Clone(differences[:mostLines]), fmt.Sprintf("and %d more differences", more))
	}
	return strings.Join(differences, "\n\t")
}

const mostLines = 20
