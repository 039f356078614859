package history

import (
	"cmp"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"
)

// State returns a thing as the Before or the After of an Entry: its JSON, which must be
// an object. A nil returns nil.
//
// The JSON has at most MaxState bytes. If it is longer, State replaces its longest
// members by texts such as "(124211 bytes, SHA-256 5b0c9e21d0a4f3b7)". So two states
// still show that such a member differs. A value that has no JSON is replaced by an
// object that says so.
func State(v any) json.RawMessage {
	if v == nil {
		return nil
	}
	text, err := json.Marshal(v)
	if err != nil {
		text, _ = json.Marshal(map[string]string{"error": cut(err.Error(), MaxName)})
	}
	if len(text) <= MaxState {
		return text
	}
	return shorten(text)
}

// shorten replaces the longest members of an object until it fits.
func shorten(text []byte) json.RawMessage {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(text, &members); err != nil {
		return summary(text)
	}
	size := len(text)
	longest := slices.SortedFunc(maps.Keys(members), func(a, b string) int {
		return cmp.Or(cmp.Compare(len(members[b]), len(members[a])), strings.Compare(a, b))
	})
	for _, name := range longest {
		if size <= MaxState {
			break
		}
		short := summary(members[name])
		size += len(short) - len(members[name])
		members[name] = short
	}
	short, err := json.Marshal(members)
	if err != nil || len(short) > MaxState { // thousands of members
		return summary(text)
	}
	return short
}

// summary returns a JSON text that stands for a longer one.
func summary(text []byte) json.RawMessage {
	return fmt.Appendf(nil, `"(%d bytes, SHA-256 %.8x)"`, len(text), sha256.Sum256(text))
}

// bounded returns e with its texts cut to their bounds. State has bounded the rest.
func (e Entry) bounded() Entry {
	e.Actor = Actor{cut(e.Actor.Kind, MaxKind), cut(e.Actor.Name, MaxName)}
	e.Action = cut(e.Action, MaxKind)
	e.Kind = cut(e.Kind, MaxKind)
	e.ID = cut(e.ID, MaxID)
	return e
}

// cut returns the beginning of a text, in valid UTF-8 and at most n bytes long. It
// replaces NUL, which PostgreSQL does not keep in a text.
func cut(text string, n int) string {
	text = strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "\x00", "\uFFFD")
	if len(text) <= n {
		return text
	}
	for n > 0 && !utf8.RuneStart(text[n]) {
		n--
	}
	return text[:n]
}
