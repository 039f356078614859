package storetest

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/store"
)

// dates are instants at which a fixture that goes by the calendar or by the clock would
// differ: the ends of a minute, a day, a month, a leap day and a year, the end of 32
// bits, and an instant between two seconds.
var dates = []time.Time{
	time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC),
	time.Date(2001, 3, 4, 5, 6, 59, 0, time.UTC),
	time.Date(2024, 2, 28, 23, 59, 59, 0, time.UTC),
	time.Date(2026, 11, 30, 23, 59, 59, 999_999_999, time.UTC),
	time.Date(2027, 12, 31, 23, 59, 58, 0, time.UTC),
	time.Date(2038, 1, 19, 3, 14, 6, 0, time.UTC),
	time.Date(2199, 6, 7, 8, 9, 10, 111, time.UTC),
}

// noted is a counter that notes each charge, and what its answer says about use.
type noted struct {
	store.Counter
	notes []string
}

func (n *noted) Take(ctx context.Context, c *store.Charge) error {
	err := n.Counter.Take(ctx, c)
	note := fmt.Sprint(c.Op, c.OK, err != nil)
	for _, p := range c.Parts {
		note += fmt.Sprint("; ", p.Subject, p.N)
		if err != nil { // the levels are undefined
			continue
		}
		for i := range min(len(p.Meters), len(p.Levels)) {
			note += fmt.Sprintf(" %q %d of %d", p.Meters[i].Name, p.Levels[i].Used, p.Levels[i].Max)
		}
		note += fmt.Sprint(" last ", p.Last)
	}
	n.notes = append(n.notes, note)
	return err
}

func (n *noted) Dump(ctx context.Context, cursor string, limit int) ([]store.Record, string, error) {
	return n.Counter.(store.Dumper).Dump(ctx, cursor, limit)
}

func (n *noted) Restore(ctx context.Context, records []store.Record) error {
	return n.Counter.(store.Dumper).Restore(ctx, records)
}

// TestDates checks that every case makes the same charges on every date, and gets the
// same answers. Cases with several goroutines are left out, since their order differs.
func TestDates(t *testing.T) {
	want := map[string][]string{}
	for _, date := range dates {
		for _, p := range promises() {
			if p.needs != nothing || ofChance(p.name) && !strings.HasPrefix(p.name, "random/") {
				continue
			}
			var n *noted
			synctest.Test(t, func(t *testing.T) {
				time.Sleep(time.Until(date))
				h := Harness{Bubble: synctest.Test, New: func(testing.TB) store.Counter {
					n = &noted{Counter: newDumping(dumpFlaw{})}
					return n
				}}
				require.NoError(t, h.try(t, p), "%s on %s", p.name, date)
			})
			if want[p.name] == nil {
				want[p.name] = n.notes
			}
			require.Equal(t, len(want[p.name]), len(n.notes), "%s on %s", p.name, date)
			for i := range n.notes {
				require.Equal(t, want[p.name][i], n.notes[i], "%s on %s", p.name, date)
			}
		}
	}
}
