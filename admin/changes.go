package admin

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/ration-go/ration/history"
)

// A change is one entry of the history.
type change struct {
	At, Actor, Action, Kind, ID string
	Link                        string // a path below the prefix, or empty
	Fields                      []changedField
	More                        bool // fields are left out
	AllFields                   int
}

type changedField struct{ Name, Before, After string }

const (
	changesPerPage = 50
	maxFields      = 20 // of one change
	maxValue       = 200
)

type changeList struct {
	Rows   []change
	ID     string
	Next   string // the query of the next page
	Newest string // the query of the first page
	First  bool
}

// listChanges shows a page of changes. The query "id" selects those of one key, plan or
// group.
func (h *Handler) listChanges(r *http.Request) (*answer, error) {
	if h.cfg.History == nil {
		return nil, errNoPage
	}
	q := r.URL.Query()
	id := q.Get("id")
	rows, next, err := h.changes(r.Context(), id, q.Get("cursor"), changesPerPage)
	list := changeList{Rows: rows, ID: id, Next: nextQuery(next, ""), First: q.Get("cursor") == ""}
	if id != "" {
		list.Newest = url.Values{"id": {id}}.Encode()
		if next != "" {
			list.Next += "&" + list.Newest
		}
	}
	return &answer{template: "changes", title: "Changes", data: list}, err
}

// changesTime is how long one page looks for changes. A page that has reached it has a
// link that goes on.
const changesTime = 50 * time.Millisecond

// changes returns a page of the changes of a thing, newest first. Without an ID it
// returns all. It returns nothing if there is no History.
//
// A History may look at few entries at a time, and find none of the thing among them. So
// changes asks it again, as long as changesTime allows.
func (h *Handler) changes(ctx context.Context, id, cursor string, n int) (rows []change, next string, err error) {
	if h.cfg.History == nil {
		return nil, "", nil
	}
	next = cursor
	for began := time.Now(); ; {
		var entries []history.Entry
		entries, next, err = h.cfg.History.List(ctx, history.Filter{ID: id}, next, n-len(rows))
		if err != nil {
			return nil, "", err
		}
		for i := range entries {
			rows = append(rows, newChange(&entries[i]))
		}
		if next == "" || len(rows) >= n || time.Since(began) > changesTime {
			return rows, next, nil
		}
	}
}

// A recent is the last changes of one thing, as its page shows them.
type recent struct {
	ID, Of string // such as "key"
	On     bool   // there is a History
	Rows   []change
	Older  bool // there are older changes, of this thing or of others
}

// recent returns the last changes of a thing.
func (h *Handler) recent(ctx context.Context, of, id string) (recent, error) {
	rows, next, err := h.changes(ctx, id, "", 10)
	return recent{ID: id, Of: of, On: h.cfg.History != nil, Rows: rows, Older: next != ""}, err
}

func newChange(e *history.Entry) change {
	c := change{At: when(e.At), Actor: e.Actor.String(), Action: e.Action, Kind: objectOf(e), ID: e.ID}
	first, _, _ := strings.Cut(e.ID, "/")
	switch e.Kind {
	case history.KindKey, history.KindLink:
		c.Link = "/keys/" + first
	case history.KindPlan:
		c.Link = "/plans/" + first
	case history.KindGroup:
		c.Link = "/groups/" + first
	}
	fields := e.Diff()
	for _, f := range fields[:min(len(fields), maxFields)] {
		c.Fields = append(c.Fields, changedField{f.Name, valueText(f.Before), valueText(f.After)})
	}
	c.AllFields, c.More = len(fields), len(fields) > len(c.Fields)
	return c
}

// objectOf returns what kind of thing was changed, as it stands after the action in a
// sentence. It is empty after "link" and "unlink", which say it.
func objectOf(e *history.Entry) string {
	if e.Kind == history.KindLink && (e.Action == history.Link || e.Action == history.Unlink) {
		return ""
	}
	return e.Kind
}

// valueText returns a JSON value for people: a text without its quotes.
func valueText(raw json.RawMessage) string {
	text := string(raw)
	if s := ""; json.Unmarshal(raw, &s) == nil && len(raw) > 0 && raw[0] == '"' {
		text = s
	}
	if len(raw) == 0 {
		text = "–"
	}
	if runes := []rune(text); len(runes) > maxValue {
		text = string(runes[:maxValue]) + "…"
	}
	return text
}
