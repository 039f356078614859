package apikey

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/ration-go/ration/internal/fault"
)

const (
	maxID          = 64
	maxName        = 1024   // in characters, as in Amazon API Gateway
	maxDescription = 125000 // likewise
	maxStageKeys   = 100
	maxStageKey    = 512
	maxYear        = 9999 // time.Time has no JSON form after it
)

// invalid returns the faults of a call as one error, or nil if there are none.
func invalid(faults ...error) error { return fault.Report(ErrInvalid, "", faults...) }

// faults returns the rules that the fields break which a caller may set. It cuts values
// short, because a description may be long.
func (k *Key) faults() (errs []error) {
	add := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if len(k.ID) > maxID || !isWord(k.ID) {
		add("id: %.40q: want 1 to %d ASCII letters, digits, '_' and '-'", k.ID, maxID)
	}
	if n := utf8.RuneCountInString(k.Name); n > maxName {
		add("name: %.40q: %d characters: want at most %d", k.Name, n, maxName)
	}
	if !utf8.ValidString(k.Name) || strings.ContainsFunc(k.Name, unicode.IsControl) {
		add("name: %.40q: want UTF-8 without control characters", k.Name)
	}
	if n := utf8.RuneCountInString(k.Description); n > maxDescription {
		add("description: %.40q: %d characters: want at most %d", k.Description, n, maxDescription)
	}
	if !utf8.ValidString(k.Description) {
		add("description: %.40q: want UTF-8", k.Description)
	}
	if n := utf8.RuneCountInString(k.CustomerID); n > maxName || !utf8.ValidString(k.CustomerID) {
		add("customerId: %.40q: want UTF-8 of at most %d characters", k.CustomerID, maxName)
	}
	if k.GroupID != "" && (len(k.GroupID) > maxID || !isWord(k.GroupID)) {
		add("groupId: %.40q: want 1 to %d ASCII letters, digits, '_' and '-'", k.GroupID, maxID)
	}
	if err := k.Tags.faults(); err != nil {
		errs = append(errs, err)
	}
	if n := len(k.StageKeys); n > maxStageKeys {
		add("stageKeys: %d of them: want at most %d", n, maxStageKeys)
	}
	for i, s := range k.StageKeys {
		api, stage, _ := strings.Cut(s, "/")
		if api == "" || stage == "" || len(s) > maxStageKey || !utf8.ValidString(s) {
			add("stageKeys[%d]: %.40q: want UTF-8 of the form api/stage, at most %d bytes", i, s, maxStageKey)
		}
	}
	errs = append(errs, k.scopeFaults()...)
	errs = append(errs, k.networkFaults()...)
	if year := k.Expires.Year(); year < 1 || year > maxYear {
		add("expires: year %d: want 1 to %d", year, maxYear)
	}
	if !k.Expires.IsZero() && k.Expires.Truncate(time.Microsecond).IsZero() {
		add("expires: %v: want at least a microsecond after the zero time, which never comes", k.Expires)
	}
	return errs
}

// instant returns t as a Key holds it: in UTC and rounded down to a microsecond. Most
// databases keep no finer time. A time that would become the zero time is not rounded, so
// that faults refuses it: a key that has expired would otherwise never expire.
func instant(t time.Time) time.Time {
	if at := t.UTC().Truncate(time.Microsecond); !at.IsZero() {
		return at
	}
	return t.UTC()
}

// Validate reports every fault of the fields that a caller may set. The error wraps
// ErrInvalid. A Service also checks that the group exists.
func (k *Key) Validate() error { return invalid(k.faults()...) }
