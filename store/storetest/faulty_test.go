package storetest

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ration-go/ration/store"
)

var errBroken = errors.New("broken")

func TestFaulty(t *testing.T) {
	// the deadline of 100 ms lies between them
	const brief, long = 10 * time.Millisecond, time.Second
	tests := []struct {
		name    string
		faults  []Fault
		charged int64 // of three charges
		errs    [3]error
		unsure  bool // whether the errors leave open that the charge happened
		took    time.Duration
	}{
		{name: "none", charged: 3},
		{"before", []Fault{{Take: 2, Err: errBroken}}, 2, [3]error{nil, errBroken, nil}, false, 0},
		{"after", []Fault{{Take: 2, Err: errBroken, After: true}}, 3, [3]error{nil, errBroken, nil}, true, 0},
		{"every", []Fault{{Err: errBroken}}, 0, [3]error{errBroken, errBroken, errBroken}, false, 0},
		{"every but one", []Fault{{Err: errBroken}, {Take: 3}}, 1, [3]error{errBroken, errBroken, nil}, false, 0},
		{"the first of two counts", []Fault{{Take: 1}, {Take: 1, Err: errBroken}}, 3, [3]error{}, false, 0},
		{"delayed", []Fault{{Take: 1, Delay: brief}, {Take: 2, Delay: brief, After: true}}, 3, [3]error{}, false, 2 * brief},
		{"too late, before", []Fault{{Take: 1, Delay: long}}, 2, [3]error{context.DeadlineExceeded}, false, 100 * time.Millisecond},
		{"too late, after", []Fault{{Take: 1, Delay: long, After: true}}, 3, [3]error{context.DeadlineExceeded}, true, 100 * time.Millisecond},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				f := Faulty(newModel(), test.faults...)
				for i, want := range test.errs {
					ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
					err := f.Take(ctx, &store.Charge{Parts: []store.Part{store.NewPart("a", 1, rate0)}})
					cancel()
					if !errors.Is(err, want) || want == nil && err != nil {
						t.Errorf("take %d: error %v, want %v", i+1, err, want)
					}
					if err != nil && errors.Is(err, store.ErrNotTaken) == test.unsure {
						t.Errorf("take %d: error %v, and what happened is unsure: %t", i+1, err, test.unsure)
					}
				}
				if took := time.Since(began); took != test.took {
					t.Errorf("took %v, want %v", took, test.took)
				}
				levels := make([]store.Level, 1)
				if err := store.Peek(t.Context(), f.counter, time.Time{}, []string{"a"}, []store.Meter{rate0}, levels, nil); err != nil {
					t.Error(err)
				}
				if levels[0].Used != test.charged || f.Takes() != 3 {
					t.Errorf("charged %d in %d takes, want %d in 3", levels[0].Used, f.Takes(), test.charged)
				}
			})
		})
	}
}

var rate0 = bucket("rate", 10, store.Rate{})

func TestFaultyPeek(t *testing.T) {
	f := Faulty(Never(), Fault{Take: 2, Err: errBroken})
	levels := make([]store.Level, 2)
	for i, want := range []error{nil, errBroken} {
		err := store.Peek(t.Context(), f, time.Now(), []string{"a", "b"}, []store.Meter{rate0}, levels, nil)
		if !errors.Is(err, want) || want == nil && err != nil {
			t.Errorf("peek %d: error %v, want %v", i+1, err, want)
		}
	}
	if levels[1].Used != rate0.Max || f.Takes() != 2 {
		t.Errorf("levels %+v, %d takes", levels, f.Takes())
	}
}

func TestAlwaysNever(t *testing.T) {
	at := time.Unix(1_800_000_000, 0)
	meters := []store.Meter{
		bucket("rate", 5, perSecond),
		{Name: "day", Max: 9, Start: at.Unix(), End: at.Unix() + 60},
		{Name: "use", Max: store.Unlimited, Start: at.Unix(), End: at.Unix() + 60},
	}
	unused := [3]store.Level{{Max: 5}, {Max: 9, Reset: time.Minute}, {Max: store.Unlimited, Reset: time.Minute}}
	spent := [3]store.Level{{Max: 5, Used: 5, Reset: 5 * time.Second}, {Max: 9, Used: 9, Reset: time.Minute}, unused[2]}
	refused, tooMany := spent, spent
	refused[0].Wait, refused[1].Wait = 2*time.Second, time.Minute
	tooMany[0].Wait, tooMany[1].Wait = store.Never, store.Never
	tests := []struct {
		name    string
		counter store.Counter
		n       int64
		set     bool
		ok      bool
		levels  [3]store.Level
	}{
		{"always takes", Always(), 2, false, true, unused},
		{"always takes beyond the burst", Always(), 99, false, true, unused},
		{"always reads", Always(), 0, false, true, unused},
		{"never takes", Never(), 2, false, false, refused},
		{"never takes beyond the burst", Never(), 99, false, false, tooMany},
		{"never refuses a read", Never(), 0, false, true, spent},
		{"never refuses a refund", Never(), -2, false, true, spent},
		{"never refuses to be set", Never(), 3, true, true, spent},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := &store.Charge{Op: opOf(test.set), At: at, Parts: []store.Part{store.NewPart("a", test.n, meters...)}}
			for range 2 {
				if err := test.counter.Take(t.Context(), c); err != nil || c.OK != test.ok || [3]store.Level(c.Parts[0].Levels[:3]) != test.levels {
					t.Errorf("OK %t, error %v, levels\n%+v, want\n%+v", c.OK, err, c.Parts[0].Levels[:3], test.levels)
				}
			}
			c = &store.Charge{Parts: []store.Part{store.NewPart("a", test.n, meters[2:]...)}}
			if err := test.counter.Take(t.Context(), c); err != nil || !c.OK {
				t.Errorf("an Unlimited window: OK %t, error %v", c.OK, err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			if err := test.counter.Take(ctx, c); !errors.Is(err, store.ErrNotTaken) || !errors.Is(err, context.Canceled) {
				t.Errorf("cancelled: error %v", err)
			}
			c.Parts[0].Subject = ""
			if err := test.counter.Take(t.Context(), c); !errors.Is(err, store.ErrInvalid) {
				t.Errorf("invalid: error %v", err)
			}
		})
	}
}
