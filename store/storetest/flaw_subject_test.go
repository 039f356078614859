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
			for i := range o.Parts[0].Meters {
				o.Parts[0].Meters[i].Name = o.Parts[0].Subject + ":" + o.Parts[0].Meters[i].Name
			}
			o.Parts[0].Subject = "s"
		})
	},
}, {
	name:   "a hash tag that is not escaped",
	caught: []string{"subject/any-bytes"},
	take: func(f *flawed, c *store.Charge) {
		f.as(c, func(o *store.Charge) {
			if i, j := strings.IndexByte(o.Parts[0].Subject, '{'), strings.IndexByte(o.Parts[0].Subject, '}'); i >= 0 && j > i+1 {
				o.Parts[0].Subject = o.Parts[0].Subject[i+1 : j]
			}
		})
	},
}, {
	name:   "subjects converted to valid UTF-8",
	caught: []string{"subject/any-bytes"},
	take: func(f *flawed, c *store.Charge) {
		f.as(c, func(o *store.Charge) { o.Parts[0].Subject = strings.ToValidUTF8(o.Parts[0].Subject, "?") })
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
			if c.Parts[0].Place == uint64(place)+1 {
				f.as(c, func(o *store.Charge) { o.Parts[0].Subject = subject })
				return
			}
		}
		f.places = append(f.places, c.Parts[0].Subject)
		c.Parts[0].Place = uint64(len(f.places))
		f.model.take(c)
	},
}, {
	name:   "one subject for all",
	caught: []string{"subject/apart", "set/window", "race/many-subjects", "race/reuse", "own/reuse", "level/read"},
	take: func(f *flawed, c *store.Charge) {
		f.as(c, func(o *store.Charge) { o.Parts[0].Subject = "s" })
	},
}}
