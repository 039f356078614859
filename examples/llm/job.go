package main

import (
	"context"
	"errors"

	"github.com/ration-go/ration/gate"
)

// job completes a prompt from a queue. A queue may deliver a job twice: the first
// delivery is charged, and the other one finds that out by the ID of the job.
func (s *service) job(ctx context.Context, keyID, jobID string, p prompt) (text string, err error) {
	d, err := s.Gate.Admit(ctx, gate.Request{KeyID: keyID, ID: jobID, Class: p.Model, Costs: p.estimate()})
	if !d.Allowed {
		return "", errors.Join(d.Err(), err)
	}
	if d.Repeated {
		return "", errRepeated
	}
	answer, err := s.model.complete(ctx, keyID, p)
	if err != nil {
		return "", errors.Join(err, s.Gate.Refund(ctx, &d))
	}
	var output int64
	for token := range answer.tokens {
		output++
		text += token + " "
	}
	return text, s.Gate.Settle(ctx, &d, costs(answer.inputTokens, output))
}

var errRepeated = errors.New("the job was delivered before")
