package redis

import (
	"time"

	"github.com/ration-go/ration/store"
)

// chargeAt returns a charge of n units for each of one subject's meters.
func chargeAt(op store.Op, at time.Time, subject string, n int64, meters ...store.Meter) *store.Charge {
	c := store.NewCharge(subject, n, meters...)
	c.Op, c.At = op, at
	return c
}

// twoParts returns a charge of one unit for the usual meters of each subject.
func twoParts(subjects ...string) *store.Charge {
	c := &store.Charge{At: time.Now()}
	for _, subject := range subjects {
		c.Parts = append(c.Parts, store.NewPart(subject, 1, throttle, quota, record))
	}
	return c
}
