package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"slices"
	"strings"

	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/usageplan"
)

// uses is what a key or a group has used, by unit, and by model and unit: "opus
// output_tokens".
type uses map[string]int64

// add adds what was used of a model.
func (u uses) add(model string, b bill) {
	u[usageplan.Requests] += b.requests
	for i, n := range costs(b.input, b.output) {
		if i < len(units) {
			u[units[i].Name] += n
			u[model+" "+units[i].Name] += n
		}
	}
}

// compare compares the usage reports and the quotas with the invoice of the model, for
// every key, every team and the organisation.
func (s *service) compare(ctx context.Context, out io.Writer) error {
	billed := s.billed()
	payers := slices.SortedFunc(maps.Keys(billed), func(a, b gate.Payer) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.ID, b.ID))
	})
	var errs []error
	for _, payer := range payers {
		fmt.Fprintf(out, "%-18s", payer)
		for _, unit := range []string{usageplan.Requests, "input_tokens", "output_tokens", "micro_usd"} {
			days, err := s.reported(ctx, payer, unit)
			if err != nil {
				return err
			}
			fmt.Fprintf(out, " %7d %s", days[0].Used, unit)
			if want := billed[payer][unit]; days[0].Used != want {
				errs = append(errs, fmt.Errorf("%v: the report has %d %s, the invoice %d", payer, days[0].Used, unit, want))
			}
		}
		fmt.Fprintln(out)
	}
	for key := range teams {
		errs = append(errs, s.compareQuotas(ctx, key, billed))
	}
	return errors.Join(errs...)
}

// billed returns the invoice by key and group. A group has what its keys have used, and
// the organisation has what its teams have used.
func (s *service) billed() map[gate.Payer]uses {
	billed := map[gate.Payer]uses{}
	for key, team := range teams {
		for _, payer := range []gate.Payer{
			{Kind: gate.PayerKey, ID: key},
			{Kind: gate.PayerGroup, ID: team},
			{Kind: gate.PayerGroup, ID: "acme"},
		} {
			if billed[payer] == nil {
				billed[payer] = uses{}
			}
			for _, model := range models {
				billed[payer].add(model, s.model.used[line{key, model}])
			}
		}
	}
	return billed
}

// reported returns the usage report of today.
func (s *service) reported(ctx context.Context, payer gate.Payer, unit string) ([]quota.DayUsage, error) {
	if payer.Kind == gate.PayerGroup {
		return s.Gate.GroupUsageByDay(ctx, payer.ID, unit, 1)
	}
	return s.Gate.UsageByDay(ctx, "key", payer.ID, unit, 1)
}

// compareQuotas compares what remains of each quota of a key and of the groups above it,
// for a request to opus, which meets all quotas.
func (s *service) compareQuotas(ctx context.Context, keyID string, billed map[gate.Payer]uses) (err error) {
	d, failed := s.Gate.Peek(ctx, gate.Request{KeyID: keyID, Class: "opus"})
	if failed != nil {
		return failed
	}
	for _, levels := range []iter.Seq[gate.Level]{d.Levels(), d.GroupLevels()} {
		for l := range levels {
			used := billed[l.Payer][l.Unit]
			if strings.HasPrefix(l.Name, "opus ") {
				used = billed[l.Payer]["opus "+l.Unit]
			}
			if want := l.Max - used; l.IsQuota() && l.Remaining() != want {
				err = errors.Join(err, fmt.Errorf("%v: quota %s: %d %s remain, want %d", l.Payer, l.Name, l.Remaining(), l.Unit, want))
			}
		}
	}
	return err
}
