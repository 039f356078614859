package directory

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/ration-go/ration/apikey"
)

// A field is a field of a record and its column.
type field struct {
	column string
	kind   Kind
	value  func(*Dialect) (any, error) // the argument of the column; nil is NULL
	scan   func(src any) error         // sets the field; src is not nil
}

// textField is a column of text. An empty text is not NULL.
func textField(column string, to *string) field {
	return field{column, Text,
		func(*Dialect) (any, error) { return escapeText(*to), nil },
		func(src any) (err error) {
			s, err := textOf(src)
			if err == nil {
				*to, err = unescapeText(s)
			}
			return err
		},
	}
}

// referenceField is a column of text that refers to another record. If it refers to none,
// it is NULL.
func referenceField(column string, to *string) field {
	f := textField(column, to)
	always := f.value
	f.value = func(d *Dialect) (any, error) {
		if *to == "" {
			return nil, nil
		}
		return always(d)
	}
	return f
}

func boolField(column string, to *bool) field {
	return field{column, Bool,
		func(*Dialect) (any, error) { return *to, nil },
		func(src any) error {
			switch v := src.(type) {
			case bool:
				*to = v
			case int64: // of SQLite
				*to = v != 0
			default:
				return fmt.Errorf("a %T: want a truth value", src)
			}
			return nil
		},
	}
}

func intField(column string, to *int64) field {
	return field{column, Int,
		func(*Dialect) (any, error) { return *to, nil },
		func(src any) (err error) { *to, err = intOf(src); return err },
	}
}

// bytesField is a column of bytes. If there are none, it is NULL.
func bytesField(column string, to *[]byte) field {
	return field{column, Bytes,
		func(*Dialect) (any, error) {
			if len(*to) == 0 {
				return nil, nil
			}
			return *to, nil
		},
		func(src any) error {
			b, ok := src.([]byte)
			if !ok {
				return fmt.Errorf("a %T: want bytes", src)
			}
			*to = bytes.Clone(b)
			return nil
		},
	}
}

// digestField is a column of a digest. The zero Digest is NULL.
func digestField(column string, to *apikey.Digest) field {
	return field{column, Bytes,
		func(*Dialect) (any, error) { return digestValue(*to), nil },
		func(src any) error {
			b, ok := src.([]byte)
			if !ok || len(b) != len(to) {
				return fmt.Errorf("%d bytes: want the %d of a digest", len(b), len(to))
			}
			copy(to[:], b)
			return nil
		},
	}
}

func digestValue(d apikey.Digest) any {
	if d == (apikey.Digest{}) {
		return nil
	}
	return d[:]
}

// timeField is a column of a time. The zero Time is NULL.
func timeField(column string, to *time.Time) field {
	return field{column, Time,
		func(d *Dialect) (any, error) {
			if to.IsZero() {
				return nil, nil
			}
			at := to.UTC().Truncate(time.Microsecond)
			if year := at.Year(); year < 1 || year > 9999 {
				return nil, fmt.Errorf("year %d: want 1 to 9999", year)
			}
			return d.Time(at), nil
		},
		func(src any) (err error) {
			*to, err = timeOf(src)
			if err == nil && to.IsZero() { // a key with it would never expire
				err = errors.New("the zero time: want NULL, or a later time")
			}
			return err
		},
	}
}

// formField is a column with the form of a record. A newer release gives a record a form
// that this one does not know if it has a restriction that this one does not know. Then
// no look-up returns the record, and so no request is admitted without the restriction.
func formField() field {
	const known = 0
	return field{"form", Int,
		func(*Dialect) (any, error) { return int64(known), nil },
		func(src any) error {
			form, err := intOf(src)
			if err == nil && form > known {
				err = fmt.Errorf("%d: want at most %d: a newer release wrote the key, which may have a restriction that this one does not know", form, known)
			}
			return err
		},
	}
}

// jsonField is a column of JSON, which encode returns and decode reads. If encode returns
// nil, the column is NULL.
func jsonField(column string, encode func() (any, error), decode func(text []byte) error) field {
	return field{column, JSON,
		func(*Dialect) (any, error) {
			v, err := encode()
			if err != nil || v == nil {
				return nil, err
			}
			text, err := json.Marshal(v)
			return escapeJSON(text), err
		},
		func(src any) error {
			s, err := textOf(src)
			if err != nil {
				return err
			}
			text, err := unescapeJSON(s)
			if err != nil {
				return err
			}
			return decode(text)
		},
	}
}

// listField is a column of a JSON array. A nil slice is NULL, and an empty one is []. The
// null of JSON is neither: a key of no networks may be used from everywhere.
func listField[E any](column string, to *[]E) field {
	return jsonField(column,
		func() (any, error) {
			if *to == nil {
				return nil, nil
			}
			return *to, nil
		},
		func(text []byte) error {
			if string(text) == "null" {
				return errors.New("null: want an array")
			}
			return json.Unmarshal(text, to)
		})
}

// tagsField is a column of a JSON object. A nil map is NULL, and an empty one is {}.
func tagsField(column string, to *apikey.Tags) field {
	return jsonField(column,
		func() (any, error) {
			if *to == nil {
				return nil, nil
			}
			return *to, nil
		},
		func(text []byte) error { return json.Unmarshal(text, to) })
}

func textOf(src any) (string, error) {
	switch v := src.(type) {
	case string:
		return v, nil
	case []byte:
		return string(v), nil
	}
	return "", fmt.Errorf("a %T: want a text", src)
}

func intOf(src any) (int64, error) {
	n, ok := src.(int64)
	if !ok {
		return 0, fmt.Errorf("a %T: want a whole number", src)
	}
	return n, nil
}

// timeOf returns the time in a column of PostgreSQL or SQLite.
func timeOf(src any) (time.Time, error) {
	if at, ok := src.(time.Time); ok {
		return at.UTC(), nil
	}
	s, err := textOf(src)
	if err != nil {
		return time.Time{}, err
	}
	at, err := time.Parse(sqliteTime, s)
	if err != nil {
		return time.Time{}, fmt.Errorf("%.40q: want a time such as %q", s, sqliteTime)
	}
	return at, nil
}
