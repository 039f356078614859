package apigateway

import (
	"errors"
	"net/url"
	"strconv"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/usageplan"
)

// Bounds of a page, as AWS has them.
const (
	defaultLimit = 25
	maxLimit     = 500
	maxPages     = 20 // of the store, for one page here: a filter may leave nothing of some
)

// page is a listing on the wire. Position is absent on the last page.
type page[T any] struct {
	Item     []T    `json:"item"`
	Position string `json:"position,omitzero"`
}

// limitOf is the limit of a query. AWS tolerates what is out of range.
func limitOf(query url.Values) (int, error) {
	text := query.Get("limit")
	if text == "" {
		return defaultLimit, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil && !errors.Is(err, strconv.ErrRange) { // n is then the nearest that there is
		return 0, badRequest("Invalid limit parameter")
	}
	if n <= 0 {
		return defaultLimit, nil
	}
	return min(n, maxLimit), nil
}

// collect is a page of what fetch gives, a page of the store at a time, and convert lets
// through.
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
