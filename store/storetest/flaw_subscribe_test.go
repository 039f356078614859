package storetest

import (
	"slices"
	"sync"
)

// ears are the subscriptions of a flawed directory. All are told of what the base
// reports.
type ears struct {
	base
	mu  *sync.RWMutex
	all *[]*ear
	way earWay

	begun *int // how many subscriptions there have been
}

type ear struct{ changed func(id string) }

type earWay int

const (
	silent    earWay = iota // no report at the start
	firstOnly               // a report at the start of the first subscription alone
	shifted                 // a stop removes what is at the place that its function had
	copied                  // a change is told to those that were subscribed when it began
)

func newEars(way earWay) ears {
	s := ears{newBase(), new(sync.RWMutex), new([]*ear), way, new(int)}
	s.base.OnChange(s.tell)
	return s
}

func (s ears) tell(id string) {
	s.mu.RLock()
	all := slices.Clone(*s.all)
	if s.way == copied {
		s.mu.RUnlock()
	} else {
		defer s.mu.RUnlock()
	}
	for _, e := range all {
		e.changed(id)
	}
}

func (s ears) OnChange(changed func(id string)) (stop func()) {
	s.mu.Lock()
	e, place := &ear{changed}, len(*s.all)
	*s.all = append(*s.all, e)
	*s.begun++
	first := *s.begun == 1
	s.mu.Unlock()
	if s.way != silent && (s.way != firstOnly || first) {
		changed("")
	}
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.way != shifted {
			place = slices.Index(*s.all, e)
		}
		if place < len(*s.all) {
			*s.all = slices.Delete(*s.all, place, place+1)
		}
	}
}

// subscriptionFlaws are those of stores of keys and of plans.
func subscriptionFlaws[S any]() (flaws []directoryFlaw[S]) {
	for _, f := range []struct {
		name, caught string
		way          earWay
	}{
		{"no empty ID at the start of a subscription", "notify/first", silent},
		{"an empty ID at the start of the first subscription alone", "notify/first", firstOnly},
		{"a stop of another subscription", "notify/others", shifted},
		{"a change told after stop", "notify/stop", copied},
	} {
		flaws = append(flaws, directoryFlaw[S]{f.name, f.caught, func() S { return any(newEars(f.way)).(S) }})
	}
	return flaws
}
