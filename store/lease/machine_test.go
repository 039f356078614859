package lease_test

import "fmt"

// maxProcesses is the maximum number of processes of a machine.
const maxProcesses = 3

// A machine is the accounting of one quota that several processes lease from one store.
// It says which steps the design of leases allows. It has no clock: what a clock decides,
// such as that a lease expires, may happen at any time.
//
// TestMachine explores every order of its steps for small numbers. TestHistories checks
// that whatever real Counters do is a path of this machine.
type machine struct {
	window int16 // the present window of the quota
	plan   int16 // the present figures of the quota: an index of rules.limits
	used   int16 // the units of the present window that the store counts

	// spent is the number of units of the present window that callers were admitted.
	spent int16

	// lost is the number of units of the present window that nobody can spend or give back:
	// a process crashed, or does not know what became of a call.
	lost int16

	extra int16 // units that SetRemaining added to the present window, or took away
	most  int16 // the greatest limit that was in force in the present window

	processes [maxProcesses]process
}

// A process holds leases. The store counts out and kept as used.
type process struct {
	out  int16 // units that can be spent
	kept int16 // units that can only be given back

	window int16 // the window that out and kept were leased for
	plan   int16 // the plan by which the process charges
	paid   int16 // the plan that out was paid under

	cut  bool // the process cannot reach the store
	call call

	// doubt is a settlement of which the process does not know whether the store decided it.
	// The process asks later. shut says that the store decides it no more.
	doubt call
	shut  bool

	late call // for a flaw: the store may decide it, although it said that it will not
}

// A call of the store is under way if its kind is not idle.
type call struct {
	kind    callKind
	applied bool // the store has decided, and the answer is on its way
	n       int16
	live    int16 // of the units that are given back, those that could be spent before

	window, plan int16
}

// counted returns how many units of a window the store counts as used because of c.
func (c call) counted(window int16) int16 {
	if c.kind == idle || c.window != window || c.applied != (c.kind == leasing) {
		return 0
	}
	return c.n
}

type callKind int8

const (
	idle callKind = iota
	leasing
	returning
)

// An action is the kind of a step.
type action int8

const (
	asks        action = iota // a process asks the store for n units
	givesBack                 // a process gives n units back, those that are kept first
	applies                   // the store decides the call of a process
	answers                   // the process hears the answer of the store
	losesTrack                // the process hears that the outcome is unknown
	doubts                    // the same of a settlement, so the process will ask
	appliesLate               // the store decides the settlement all the same
	asksAgain                 // the process asks what became of the settlement, and hears it
	asksInVain                // it asks, and the answer is lost
	fails                     // the process hears that the store took nothing
	spends                    // the process admits n units
	refunds                   // the process takes back n units that were admitted
	expires                   // n units of the process can no longer be spent
	crashes                   // the process ends without giving back, and starts again
	hears                     // the process hears of the present plan
	disconnects               // the process cannot reach the store any more
	connects                  // the process can reach the store again
	changesPlan               // the figures of the quota change
	endsWindow                // the next window of the quota begins
	extends                   // the store makes n units what remains of the window
)

var actionNames = [...]string{
	"ask", "give back", "apply", "answer", "lose", "doubt", "apply late", "ask again",
	"ask in vain", "fail", "spend", "refund", "expire",
	"crash", "hear", "disconnect", "connect", "change plan", "end window",
	"extend",
}

// A step is one transition of a machine.
type step struct {
	action  action
	process int
	n       int16
}

func (s step) String() string {
	return fmt.Sprintf("%s(process %d, %d)", actionNames[s.action], s.process, s.n)
}

// rules decide the steps of a machine. A flaw breaks one of them, to show that the
// exploration catches it.
type rules struct {
	limits []int16 // of each plan
	flaw   flaw
}

type flaw string

const (
	returnsTwice      flaw = "a give-back of unknown outcome is repeated"
	spendsReturned    flaw = "units that are given back stay spendable"
	spendsUnknown     flaw = "a lease of unknown outcome is spent"
	retriesUnknown    flaw = "units of a give-back of unknown outcome are spent again"
	outlivesWindow    flaw = "a lease is spent in the next window"
	returnsToNext     flaw = "a lease of an ended window is given back to the next window"
	outlivesPlan      flaw = "a lease outlives the plan that it was paid under"
	survivesCrash     flaw = "a process that starts again believes in the lease it had"
	forgetsFailed     flaw = "a give-back that certainly failed is forgotten"
	spendsBeforeStore flaw = "units are spent before the store has answered"
	believesQuestion  flaw = "a question whose answer was lost is taken for the settlement"
	happensLate       flaw = "a settlement that was found missing happens yet"
	doubtsForever     flaw = "a settlement that is found to have happened is taken for missing"
)

var flaws = []flaw{
	returnsTwice, spendsReturned, spendsUnknown, retriesUnknown, outlivesWindow, returnsToNext,
	outlivesPlan, survivesCrash, forgetsFailed, spendsBeforeStore,
	believesQuestion, happensLate, doubtsForever,
}

// fault returns how m breaks what leases promise, or nil.
func (r *rules) fault(m machine) error {
	outstanding := m.lost
	for i := range m.processes {
		p := &m.processes[i]
		if p.out > 0 && p.paid != p.plan {
			return fmt.Errorf("process %d can spend units of plan %d: it charges by plan %d", i, p.paid, p.plan)
		}
		if p.window == m.window {
			outstanding += p.out + p.kept
		}
		outstanding += p.call.counted(m.window) + p.doubt.counted(m.window)
	}
	switch most := max(m.most, r.greatest(m)); {
	case m.spent+outstanding > most:
		return fmt.Errorf("%d spent and %d outstanding: want at most %d", m.spent, outstanding, most)
	case m.spent+outstanding != m.used:
		return fmt.Errorf("%d spent and %d outstanding: the store counts %d", m.spent, outstanding, m.used)
	}
	return nil
}

// greatest returns the greatest limit of the plans up to now.
func (r *rules) greatest(m machine) (most int16) {
	for plan := range m.plan + 1 {
		most = max(most, r.limit(m, plan))
	}
	return most
}

// limit returns the limit of a plan in the present window.
func (r *rules) limit(m machine, plan int16) int16 { return max(0, r.limits[plan]+m.extra) }
