package main

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// TestGoneIsLogged checks that the end of all deliveries is in the log, since a service
// seldom reads what Run returns.
func TestGoneIsLogged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLink(t, status(1, 410, ""))
		l.sender.Notify(t.Context(), anEvent(1))
		require.ErrorIs(t, l.run(time.Hour), errGone)
		require.Contains(t, l.log.String(), "level=ERROR")
		require.Contains(t, l.log.String(), "410 Gone")
	})
}

// TestFullOutboxIsLoggedOnce has an Outbox that is full for an hour, while several Runs
// of the alerts wait. The log has one line, and says at the end that there is room again.
func TestFullOutboxIsLoggedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLink(t, nil)
		l.sender.Outbox = open(t, t.TempDir(), 3)
		for n := range 3 {
			l.sender.Notify(t.Context(), anEvent(n))
		}
		for n := range 3 {
			go l.sender.Notify(t.Context(), anEvent(n+3))
		}
		time.Sleep(time.Hour)
		require.Equal(t, 1, strings.Count(l.log.String(), "\n"), l.log.String())
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		_ = l.sender.Run(ctx)
		require.Len(t, l.received, 6)
		require.Equal(t, 2, strings.Count(l.log.String(), "\n"), l.log.String())
		require.Regexp(t, `msg="alerts have room on the disk again"\n$`, l.log.String())
	})
}
