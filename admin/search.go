package admin

import (
	"context"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/ration-go/ration/apikey"
)

const (
	// maxSearched is how many keys one page of a search looks at, and searchTime is how long
	// it looks. A page that has reached either has a link that goes on.
	maxSearched = 10_000
	searchTime  = 50 * time.Millisecond

	// searchStep is how many keys are read in one call.
	searchStep = 250

	maxQuery = 200 // bytes
)

// search returns the keys that a search finds, newest first, and sets what the list says
// of the search. The cursor is that of a step, and skip is how many matches of the step
// were on earlier pages.
func (h *Handler) search(ctx context.Context, list *keyList, q url.Values) (found []apikey.Key, err error) {
	list.Query = strings.ToValidUTF8(list.Query[:min(len(list.Query), maxQuery)], "")
	cursor, skip := q.Get("cursor"), atoi(q.Get("skip"))
	// If the query is the whole ID of a key, the key is found at once, however old it is.
	if list.First {
		if k, err := h.keys.Get(ctx, list.Query); err == nil {
			list.Searched = 1
			return []apikey.Key{k}, nil
		}
	}
	began := time.Now()
	for {
		keys, next, err := h.keys.List(ctx, apikey.Filter{}, cursor, searchStep)
		if err != nil {
			return nil, err
		}
		list.Searched += len(keys)
		matched := 0
		for i := range keys {
			if !matches(&keys[i], list.Query) {
				continue
			}
			if matched++; matched <= skip {
				continue
			}
			if len(found) == pageSize {
				list.Next = nextQuery(cursor, list.Query) + "&skip=" + strconv.Itoa(matched-1)
				return found, nil
			}
			found = append(found, keys[i])
		}
		cursor, skip = next, 0
		if next == "" || len(found) == pageSize || list.Searched >= maxSearched || time.Since(began) > searchTime {
			if next != "" {
				list.Next = nextQuery(next, list.Query)
			}
			return found, nil
		}
	}
}

// matches reports whether a key's ID, name, customer or hint begins with a text, or a
// word of its name or customer does. The text may also be the end of the hint. Upper and
// lower case are the same.
func matches(k *apikey.Key, text string) bool {
	text = strings.ToLower(text)
	for _, field := range []string{k.ID, k.Name, k.CustomerID, k.GroupID, k.Hint} {
		field = strings.ToLower(field)
		if strings.HasPrefix(field, text) {
			return true
		}
	}
	for _, field := range []string{k.Name, k.CustomerID} {
		for _, word := range strings.FieldsFunc(strings.ToLower(field), notWord) {
			if strings.HasPrefix(word, text) {
				return true
			}
		}
	}
	return len(text) >= 3 && strings.HasSuffix(strings.ToLower(k.Hint), text)
}

func notWord(r rune) bool { return strings.ContainsRune(" -_./@:,", r) }

// hasSecret reports whether a word of a text has the form of a secret: that of f, or that
// which this module makes. A search for one would only spread it.
func hasSecret(text string, f apikey.Format) bool {
	for word := range strings.FieldsFuncSeq(text, notSecret) {
		if (apikey.Format{}).Check(word) == nil || !f.AcceptForeign && f.Check(word) == nil {
			return true
		}
	}
	return false
}

// notSecret reports whether no secret of this module has a character.
func notSecret(r rune) bool {
	return r != '_' && r != '-' && !('0' <= r && r <= '9') && !('a' <= r && r <= 'z') && !('A' <= r && r <= 'Z')
}

// nextQuery returns the query of a next page, or nothing if there is none.
func nextQuery(cursor, search string) string {
	if cursor == "" && search == "" {
		return ""
	}
	v := url.Values{}
	if cursor != "" {
		v.Set("cursor", cursor)
	}
	if search != "" {
		v.Set("q", search)
	}
	return v.Encode()
}

// atoi returns a number that is not negative, or 0.
func atoi(text string) int {
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		return 0
	}
	return n
}
