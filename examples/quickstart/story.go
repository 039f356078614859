package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/usageplan"
)

// story is the telling of it: who speaks to which server.
type story struct {
	*service
	out  io.Writer
	base string
}

// tell is the whole story. It is an error if an answer was not the one that was promised.
func (s *service) tell(ctx context.Context, out io.Writer, base string) error {
	t := &story{s, out, base}
	for _, chapter := range []func(context.Context) error{t.burst, t.exhaust, t.refused, t.rotate} {
		if err := chapter(ctx); err != nil {
			return err
		}
	}
	t.say("\nEvery count was exact.")
	return nil
}

func (t *story) say(format string, args ...any) { fmt.Fprintf(t.out, format+"\n", args...) }

// burst throttles: 300 requests at once against a rate of 50 and a burst of 100.
func (t *story) burst(ctx context.Context) error {
	plan, err := t.standard(ctx)
	if err != nil {
		return err
	}
	key, secret, err := t.client(ctx, "my-api-key", plan.ID)
	if err != nil {
		return err
	}
	t.say("A key %s (%v), and a plan: %v, %v.", key.ID, secret, plan.Throttle, plan.Quotas[0])
	for p, err := range t.plans.All(ctx) {
		if err != nil {
			return err
		}
		t.say("Plan %s is %q.", p.ID, p.Name)
	}
	began := time.Now()
	first, err := t.get(ctx, secret)
	if err != nil {
		return err
	}
	t.say("\nThe first request:")
	t.show(first)
	admitted, refused, err := t.atOnce(ctx, secret, 299)
	if err != nil {
		return err
	}
	took := time.Since(began)
	admitted++
	most := 100 + int64(math.Ceil(50*took.Seconds()))
	t.say("\n300 requests at once, in %v: %d admitted. A burst of 100 and 50 a second allow 100 to %d.", took.Round(time.Millisecond), admitted, most)
	t.say("One of those that were refused:")
	t.show(refused)
	if admitted < 100 || admitted > most {
		return fmt.Errorf("the burst admitted %d: want 100 to %d", admitted, most)
	}
	return t.report(ctx, plan, key, admitted)
}

// exhaust uses a quota up: 200 requests from eight goroutines against 25 a day.
func (t *story) exhaust(ctx context.Context) error {
	const limit = 25
	plan, err := t.plans.Create(ctx, usageplan.Plan{Name: "small", Quotas: []quota.Quota{{Limit: limit, Period: quota.Day}}})
	if err != nil {
		return err
	}
	key, secret, err := t.client(ctx, "small-client", plan.ID)
	if err != nil {
		return err
	}
	began := time.Now().UTC().YearDay()
	admitted, refused, err := t.atOnce(ctx, secret, 200)
	if err != nil {
		return err
	}
	t.say("\nA quota of %d a day, and 200 requests: %d admitted. The others:", limit, admitted)
	t.show(refused)
	if admitted != limit && time.Now().UTC().YearDay() == began { // at midnight there are two days
		return fmt.Errorf("the quota admitted %d: want exactly %d", admitted, limit)
	}
	return t.report(ctx, plan, key, admitted)
}

// refused is those who do not get as far as a plan.
func (t *story) refused(ctx context.Context) error {
	plan, err := t.plans.Create(ctx, usageplan.Plan{Name: "open", Throttle: &limiter.Limit{Rate: 1000, Burst: 1000}})
	if err != nil {
		return err
	}
	key, disabled, err := t.client(ctx, "disabled", plan.ID)
	if err != nil {
		return err
	}
	if _, err := t.keys.Disable(ctx, key.ID); err != nil {
		return err
	}
	_, unlinked, err := t.client(ctx, "unlinked", "")
	if err != nil {
		return err
	}
	t.say("\nNo key, a disabled key, a key without a plan:")
	return errors.Join(t.want(ctx, "", 401), t.want(ctx, disabled, 401), t.want(ctx, unlinked, 403))
}

// rotate gives a key another secret. The old one goes on for its grace, here none.
func (t *story) rotate(ctx context.Context) error {
	plan, err := t.plans.Create(ctx, usageplan.Plan{Name: "rotating", Quotas: []quota.Quota{{Limit: 3, Period: quota.Year}}})
	if err != nil {
		return err
	}
	key, first, err := t.client(ctx, "rotating", plan.ID)
	if err != nil {
		return err
	}
	_, second, err := t.keys.Rotate(ctx, key.ID, time.Hour)
	if err != nil {
		return err
	}
	t.say("\nA rotated key: both secrets within the hour's grace, one allowance of 3; then without grace:")
	if err := errors.Join(t.want(ctx, first, 200), t.want(ctx, second, 200)); err != nil {
		return err
	}
	_, third, err := t.keys.Rotate(ctx, key.ID, 0)
	if err != nil {
		return err
	}
	return errors.Join(t.want(ctx, second, 401), t.want(ctx, third, 200), t.want(ctx, third, 429))
}

// report shows what a key has used by day.
func (t *story) report(ctx context.Context, plan usageplan.Plan, key apikey.Key, want int64) error {
	days, err := t.gate.UsageByDay(ctx, plan.ID, key.ID, 3)
	if err != nil {
		return err
	}
	total := int64(0)
	for _, d := range days {
		t.say("  %s  %4d used", d.Start.Format(time.DateOnly), d.Used)
		total += d.Used
	}
	if total != want {
		return fmt.Errorf("the report says %d: want %d", total, want)
	}
	return nil
}

// get is one request, as a client makes it.
func (t *story) get(ctx context.Context, secret apikey.Secret) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, t.base+"/pets/1", nil)
	if err != nil {
		return nil, err
	}
	if secret != "" {
		req.Header.Set("Authorization", "Bearer "+string(secret))
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	_, err = io.Copy(io.Discard, resp.Body)
	return resp, errors.Join(err, resp.Body.Close())
}

// want makes one request and says how it was answered.
func (t *story) want(ctx context.Context, secret apikey.Secret, status int) error {
	resp, err := t.get(ctx, secret)
	if err != nil {
		return err
	}
	t.say("  %-14v %s", secret, resp.Status)
	if resp.StatusCode != status {
		return fmt.Errorf("answered %s: want %d", resp.Status, status)
	}
	return nil
}

// atOnce makes n requests from eight goroutines: how many were admitted, and one that was not.
func (t *story) atOnce(ctx context.Context, secret apikey.Secret, n int) (admitted int64, refused *http.Response, err error) {
	var wg sync.WaitGroup
	var ok, next atomic.Int64
	var other atomic.Pointer[http.Response]
	errs := make([]error, 8)
	for g := range errs {
		wg.Go(func() {
			for next.Add(1) <= int64(n) {
				resp, err := t.get(ctx, secret)
				switch {
				case err != nil:
					errs[g] = err
					return
				case resp.StatusCode == http.StatusOK:
					ok.Add(1)
				default:
					other.Store(resp)
				}
			}
		})
	}
	wg.Wait()
	if refused = other.Load(); refused == nil {
		errs = append(errs, errors.New("nothing was refused"))
	}
	return ok.Load(), refused, errors.Join(errs...)
}

// show prints a response's status and the headers that matter.
func (t *story) show(resp *http.Response) {
	t.say("  %s %s", resp.Proto, resp.Status)
	for _, name := range []string{"Ratelimit-Policy", "Ratelimit", "Retry-After", "Content-Type"} {
		if v := resp.Header.Get(name); v != "" {
			t.say("  %s: %s", name, v)
		}
	}
}
