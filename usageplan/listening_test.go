package usageplan_test

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/usageplan"
)

// TestSubscription is a timeline of two Runs of one store.
func TestSubscription(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var (
			s                               usageplan.Subscription
			endFirst, endSecond             func()
			loseFirst, loseSecond, loseLast func()
		)
		start := time.Now()
		at := func(second int) time.Time { return start.Add(time.Duration(second) * time.Second) }
		for second, step := range []struct {
			what string
			do   func()
			want usageplan.ListenerState
		}{
			{"nothing runs", func() {}, usageplan.ListenerState{}},
			{"a Run begins", func() { endFirst = s.Run() }, usageplan.ListenerState{Running: true}},
			{"it has subscribed", func() { loseFirst = s.Subscribe() }, usageplan.ListenerState{Running: true, Since: at(2)}},
			{"a change", func() { s.Hear() }, usageplan.ListenerState{Running: true, Since: at(2), Heard: at(3)}},
			{"a second Run begins", func() { endSecond = s.Run() }, usageplan.ListenerState{Running: true, Since: at(2), Heard: at(3)}},
			{"it has subscribed too", func() { loseSecond = s.Subscribe() }, usageplan.ListenerState{Running: true, Since: at(2), Heard: at(3)}},
			{"the first loses its connection", func() { loseFirst() }, usageplan.ListenerState{Running: true, Since: at(2), Heard: at(3)}},
			{"so does the second", func() { loseSecond() }, usageplan.ListenerState{Running: true, Heard: at(3)}},
			{"the second is back", func() { loseLast = s.Subscribe() }, usageplan.ListenerState{Running: true, Since: at(8), Heard: at(3)}},
			{"another change", func() { s.Hear() }, usageplan.ListenerState{Running: true, Since: at(8), Heard: at(9)}},
			{"the first Run ends", func() { endFirst() }, usageplan.ListenerState{Running: true, Since: at(8), Heard: at(9)}},
			{"the second Run ends", func() { loseLast(); endSecond() }, usageplan.ListenerState{Heard: at(9)}},
			{"a subscription has broken", func() { s.Fail(true, errors.New("reset")) }, usageplan.ListenerState{Heard: at(9), Lost: 1}},
			{"an attempt fails", func() { s.Fail(false, errors.New("reset")) }, usageplan.ListenerState{Heard: at(9), Lost: 1, Failed: 1}},
			{"an attempt is denied", func() { s.Fail(false, fmt.Errorf("%w: NOPERM", store.ErrDenied)) }, usageplan.ListenerState{Heard: at(9), Lost: 1, Failed: 2, Denied: 1}},
		} {
			step.do()
			require.Equal(t, step.want, s.State(), step.what)
			require.WithinDuration(t, at(second), time.Now(), 0)
			time.Sleep(time.Second)
		}
	})
}
