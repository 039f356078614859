package main

import (
	"context"
	"errors"
	"iter"
	"strings"
	"sync"
	"time"
)

// model stands for a language model that somebody else runs. It repeats the words of a
// prompt, and keeps an invoice of what each user has used.
type model struct {
	pause time.Duration // before each token

	mu   sync.Mutex
	used map[line]bill
	cut  int // answers that a client has not read to the end
}

// line is a line of the invoice.
type line struct{ user, model string }

// bill is what a user has used of a model.
type bill struct{ requests, input, output int64 }

// completion is an answer that is being made.
type completion struct {
	inputTokens int64
	tokens      iter.Seq[string] // ends early if the request is over
}

var errOverloaded = errors.New("the model is overloaded")

// complete begins an answer. A prompt with the word "overload" fails and uses nothing.
func (m *model) complete(ctx context.Context, user string, p prompt) (*completion, error) {
	words := strings.Fields(p.Text)
	if len(words) == 0 || strings.Contains(p.Text, "overload") {
		return nil, errOverloaded
	}
	item := line{user, p.Model}
	m.book(item, bill{requests: 1, input: int64(len(words))})
	length := 1 + int64(len(p.Text))*7%p.MaxTokens
	return &completion{int64(len(words)), func(yield func(string) bool) {
		for i := range length {
			select {
			case <-ctx.Done():
				m.hungUp()
				return
			case <-time.After(m.pause):
			}
			m.book(item, bill{output: 1})
			if !yield(words[i%int64(len(words))]) {
				m.hungUp()
				return
			}
		}
	}}, nil
}

// book adds to the invoice.
func (m *model) book(item line, b bill) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.used == nil {
		m.used = map[line]bill{}
	}
	sum := m.used[item]
	sum.requests += b.requests
	sum.input += b.input
	sum.output += b.output
	m.used[item] = sum
}

func (m *model) hungUp() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.cut++
}
