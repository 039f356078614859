package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
)

// outcome is what became of a request or a job.
type outcome string

const (
	whole      outcome = "read to the end"
	hungUp     outcome = "left by a client that hung up"
	overloaded outcome = "given back, since the model failed"
	nonsense   outcome = "given back, since the body was bad"
	done       outcome = "done as jobs"
	repeated   outcome = "delivered again, and free"
	throttled  outcome = "refused by a throttle of the key"
	overBudget outcome = "refused by the budget of a team"
	ofModel    outcome = "refused by the quota of a model"
)

// outcomes are all of them.
var outcomes = []outcome{whole, hungUp, overloaded, nonsense, done, repeated, throttled, overBudget, ofModel}

// client uses the service with a key.
type client struct {
	url    string
	secret apikey.Secret
}

// send sends a body. It hangs up after some tokens, unless that number is 0.
func (c *client) send(ctx context.Context, body string, tokens int) (outcome, error) {
	ctx, hangUp := context.WithCancel(ctx)
	defer hangUp()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url+"/completions", strings.NewReader(body))
	if err != nil {
		return "", err
	}
	req.Header.Set("X-API-Key", string(c.secret))
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	switch resp.StatusCode {
	case http.StatusOK:
		return readStream(resp.Body, tokens)
	case http.StatusBadGateway:
		return overloaded, nil
	case http.StatusBadRequest:
		return nonsense, nil
	case http.StatusTooManyRequests:
		return readRefusal(resp.Body)
	}
	return "", fmt.Errorf("status %s", resp.Status)
}

// readStream reads some tokens, or all of them if that number is 0.
func readStream(r io.Reader, tokens int) (outcome, error) {
	lines := bufio.NewScanner(r)
	for n := 0; lines.Scan(); {
		switch data, found := strings.CutPrefix(lines.Text(), "data: "); {
		case !found: // the end of an event
		case data == "[DONE]":
			return whole, nil
		default:
			if n++; n == tokens {
				return hungUp, nil
			}
		}
	}
	return "", errors.Join(errors.New("the stream has no end"), lines.Err())
}

// readRefusal reads which limit has refused.
func readRefusal(r io.Reader) (outcome, error) {
	var problem struct {
		Limits []struct{ Payer, Limit, Unit string }
	}
	err := json.NewDecoder(r).Decode(&problem)
	for _, l := range problem.Limits {
		switch {
		case l.Payer == "group" && l.Limit == "budget" && l.Unit == "micro_usd":
			return overBudget, err
		case l.Payer == "key" && l.Limit == "opus output_tokens/day" && l.Unit == "output_tokens":
			return ofModel, err
		}
	}
	return throttled, err
}

// showUsage asks for the usage, which is free, even for a key that has used up its
// limits.
func (c *client) showUsage(ctx context.Context) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.url+"/usage", nil)
	if err != nil {
		return "", err
	}
	req.Header.Set("X-API-Key", string(c.secret))
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if resp.StatusCode != http.StatusOK {
		err = errors.Join(err, fmt.Errorf("usage: status %s", resp.Status))
	}
	return string(text), err
}

// outcomeOf returns what became of a job.
func outcomeOf(err error) (outcome, error) {
	refused, isRefusal := errors.AsType[*gate.LimitError](err)
	switch {
	case err == nil:
		return done, nil
	case errors.Is(err, errRepeated):
		return repeated, nil
	case errors.Is(err, errOverloaded):
		return overloaded, nil
	case !isRefusal:
		return "", err
	}
	for _, l := range refused.Limits {
		if l.Payer.Kind == gate.PayerGroup && l.Name == "budget" {
			return overBudget, nil
		}
	}
	return throttled, nil
}
