package usageplan

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/ration-go/ration/internal/strict"
	"github.com/ration-go/ration/limiter"
)

// decodePlan decodes an object into v as strict.Unmarshal does. Its errors say in which
// of the limits of classes and routes the fault is, which those of encoding/json do not.
func decodePlan(text []byte, v any) error {
	err := strict.Unmarshal(text, v, "for")
	if err == nil {
		return nil
	}
	var object struct {
		For map[string]json.RawMessage `json:"for"`
	}
	if json.Unmarshal(text, &object) == nil {
		for _, key := range slices.Sorted(maps.Keys(object.For)) {
			if err := strict.Unmarshal(object.For[key], &Limits{}); err != nil {
				return fmt.Errorf("%s: %w", forPath(key), err)
			}
		}
	}
	return explained(text, err)
}

// decode decodes an object into v, which is a link or a group, as strict.Unmarshal does.
func decode(text []byte, v any) error {
	if err := strict.Unmarshal(text, v); err != nil {
		return explained(text, err)
	}
	return nil
}

// decodeError returns the error of an UnmarshalJSON, or nil if err is nil. It has the ID,
// if that was read, which tells the plans or the groups of a file apart.
func decodeError(kind, id string, err error) error {
	switch {
	case err == nil:
		return nil
	case id == "":
		return fmt.Errorf("%w %s: %w", ErrInvalid, kind, err)
	}
	return fmt.Errorf("%w %s %.40q: %w", ErrInvalid, kind, id, err)
}

// explained returns err, or a better error if the throttle of an object is misplaced.
func explained(text []byte, err error) error {
	var object struct {
		Throttle string `json:"throttle"`
	}
	if json.Unmarshal(text, &object) != nil {
		return err
	}
	return cmp.Or(misplaced(object.Throttle), err)
}

// misplaced returns an error if a text is that of a Throttle and not that of a
// limiter.Limit, which Plan.Throttle is. Otherwise it returns nil.
func misplaced(text string) error {
	_, err := limiter.Parse(text)
	if err == nil {
		return nil
	}
	if _, other := ParseThrottle(text); other != nil {
		return nil
	}
	return fmt.Errorf(`throttle: %w: a unit, a name and "soft" belong in throttles`, err)
}
