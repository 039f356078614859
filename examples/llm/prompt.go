package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"

	"github.com/ration-go/ration/usageplan"
)

const (
	maxBody   = 1 << 20 // bytes
	maxTokens = 4096    // of an answer
)

// models are those that the service has. They are the classes of its plans. The first is
// the default.
var models = []string{"haiku", "opus"}

// prompt is the body of a request.
type prompt struct {
	Model     string `json:"model"`
	Text      string `json:"prompt"`
	MaxTokens int64  `json:"max_tokens"` // the default is 256
}

// readPrompt reads the body, and puts it back for the next reader. The middleware reads
// it for the class and for the estimate, and then the handler does.
func readPrompt(r *http.Request) (p prompt, err error) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody))
	if err != nil {
		return prompt{}, err
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	if err := json.Unmarshal(body, &p); err != nil {
		return prompt{}, err
	}
	p.Model = cmp.Or(p.Model, models[0])
	if !slices.Contains(models, p.Model) {
		return prompt{}, fmt.Errorf("want a model of %q", models)
	}
	p.MaxTokens = cmp.Or(p.MaxTokens, 256)
	if p.Text == "" || p.MaxTokens < 1 || p.MaxTokens > maxTokens {
		return prompt{}, fmt.Errorf("want a prompt, and max_tokens from 1 to %d", maxTokens)
	}
	return p, nil
}

// class returns the model of a request. A bad body has none, and gets a 400.
func class(r *http.Request) string {
	p, err := readPrompt(r)
	if err != nil {
		return ""
	}
	return p.Model
}

// estimate returns what a request may use. The number of input tokens is a guess, and the
// number of output tokens is the most that the model makes.
func estimate(r *http.Request) usageplan.Costs {
	p, err := readPrompt(r)
	if err != nil {
		return costs(1, 0) // the handler answers 400, and gives it back
	}
	return p.estimate()
}

func (p *prompt) estimate() usageplan.Costs {
	return costs(1+int64(len(p.Text))/4, p.MaxTokens)
}
