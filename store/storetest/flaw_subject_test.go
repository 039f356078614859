package storetest

import (
	"strings"

	"github.com/ration-go/ration/store"
)

var subjectFlaws = []flaw{{
	name:   "keys joined without escaping",
	caught: []string{"subject/any-bytes"},
	take: func(f *flawed, c *store.Charge) {
		f.as(c, func(o *store.Charge) {
			for i := range o.Meters {
				o.Meters[i].Name = o.Subject + ":" + o.Meters[i].Name
			}
			o.Subject = "s"
		})
	},
}, {
	name:   "a hash tag that is not escaped",
	caught: []string{"subject/any-bytes"},
	take: func(f *flawed, c *store.Charge) {
		f.as(c, func(o *store.Charge) {
			if i, j := strings.IndexByte(o.Subject, '{'), strings.IndexByte(o.Subject, '}'); i >= 0 && j > i+1 {
				o.Subject = o.Subject[i+1 : j]
			}
		})
	},
}, {
	name:   "subjects converted to valid UTF-8",
	caught: []string{"subject/any-bytes"},
	take: func(f *flawed, c *store.Charge) {
		f.as(c, func(o *store.Charge) { o.Subject = strings.ToValidUTF8(o.Subject, "?") })
	},
}, {
	name:   "names cut at a zero byte",
	caught: []string{"subject/any-bytes"},
	take: func(f *flawed, c *store.Charge) {
		f.meterwise(c, func(m *store.Meter, _ *int64) { m.Name, _, _ = strings.Cut(m.Name, "\x00") })
	},
}, {
	name:   "a Place that is trusted",
	caught: []string{"subject/place"},
	take: func(f *flawed, c *store.Charge) {
		for place, subject := range f.places {
			if c.Place == uint64(place)+1 {
				f.as(c, func(o *store.Charge) { o.Subject = subject })
				return
			}
		}
		f.places = append(f.places, c.Subject)
		c.Place = uint64(len(f.places))
		f.model.take(c)
	},
}, {
	name:   "one subject for all",
	caught: []string{"subject/apart", "set/window", "race/many-subjects", "race/reuse", "own/reuse", "level/read"},
	take: func(f *flawed, c *store.Charge) {
		f.as(c, func(o *store.Charge) { o.Subject = "s" })
	},
}}
