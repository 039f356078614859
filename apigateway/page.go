package apigateway

import (
	"errors"
	"net/url"
	"strconv"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/usageplan"
)

// Bounds of a page. The default of 25 and the maximum of 500 are AWS's.
const (
	defaultLimit = 25
	maxLimit     = 500

	// maxPages is how many pages of the store one answer may read. A filter can drop most of
	// what was read. An answer may then hold fewer items than asked for, or none, and still
	// have a position.
	maxPages = 20
)

// page is a list in an answer. The wire name of the list is "item", although the SDKs
// call it items. Position is absent on the last page.
type page[T any] struct {
	Item     []T    `json:"item"`
	Position string `json:"position,omitzero"`
}

// limitOf returns the limit of a query. AWS tolerates a limit that is out of range:
// GetApiKeys answers a limit of -1 with 200.
func limitOf(query url.Values) (int, error) {
	text := query.Get("limit")
	if text == "" {
		return defaultLimit, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil && !errors.Is(err, strconv.ErrRange) { // on ErrRange, n is the nearest int
		return 0, badRequest("Invalid limit parameter")
	}
	if n <= 0 {
		return defaultLimit, nil
	}
	return min(n, maxLimit), nil
}

// collect returns one page of an answer. It calls fetch for a page of the store at a
// time, and keeps the items for which convert reports true. It asks the store only for as
// many items as are still missing, so the store's cursor is also the position of the
// answer.
func collect[S, T any](query url.Values, fetch func(cursor string, limit int) ([]S, string, error), convert func(*S) (T, bool, error)) (page[T], error) {
	limit, err := limitOf(query)
	if err != nil {
		return page[T]{}, err
	}
	p := page[T]{Item: []T{}, Position: query.Get("position")}
	for range maxPages {
		list, next, err := fetch(p.Position, limit-len(p.Item))
		if errors.Is(err, apikey.ErrInvalid) || errors.Is(err, usageplan.ErrInvalid) {
			return page[T]{}, badRequest("Invalid position parameter")
		}
		if err != nil {
			return page[T]{}, err
		}
		for i := range list {
			if item, ok, err := convert(&list[i]); err != nil {
				return page[T]{}, err
			} else if ok {
				p.Item = append(p.Item, item)
			}
		}
		if p.Position = next; next == "" || len(p.Item) == limit {
			break
		}
	}
	return p, nil
}
