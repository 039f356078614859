package gate_test

import (
	"context"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/internal/longtest"
	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/store/lease"
)

// overLeases is the environment variable with which the fixtures of this package lease
// what they charge.
const overLeases = "RATION_GATE_OVER_LEASES"

// eager is a lease.Counter that leases units of every subject from its first charge on.
type eager struct {
	*lease.Counter
	mu   sync.Mutex
	used map[string]time.Time // when a subject was last charged
}

// leased returns c, or in a process over leases an eager Counter over it.
func leased(t *testing.T, c store.Counter) store.Counter {
	if os.Getenv(overLeases) == "" {
		return c
	}
	return newEager(t, c)
}

// newEager returns an eager Counter over c.
func newEager(t *testing.T, c store.Counter) *eager {
	l, err := lease.New(c, lease.Config{Timeout: time.Minute}) // the machine may be busy
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close(context.Background()) })
	return &eager{Counter: l, used: map[string]time.Time{}}
}

// Take makes the subjects of a charge hot before it makes the charge.
func (e *eager) Take(ctx context.Context, c *store.Charge) error {
	if c.Op == store.Spend && e.isCold(c) {
		warm := store.Charge{At: c.At}
		for _, p := range c.Parts {
			warm.Parts = append(warm.Parts, store.NewPart(p.Subject, 0, p.Meters...))
		}
		for range 3 {
			_ = e.Counter.Take(ctx, &warm) // a failure shows in the charge, too
		}
	}
	return e.Counter.Take(ctx, c)
}

// isCold reports whether a subject of c was not charged of late.
func (e *eager) isCold(c *store.Charge) (cold bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, p := range c.Parts {
		if now := time.Now(); now.Sub(e.used[p.Subject]) > 10*time.Millisecond {
			cold, e.used[p.Subject] = true, now
		}
	}
	return cold
}

// TakeOne makes one charge, as Take does.
func (e *eager) TakeOne(ctx context.Context, subject string, m *store.Meter, at time.Time, n int64) (store.Level, bool, error) {
	return store.One(struct{ store.Counter }{e}).TakeOne(ctx, subject, m, at, n)
}

// settleLeases charges what was spent and is not yet charged, and gives back the rest, if
// this is a process over leases. Units of a subject that has moved come back within the
// Life of a lease, and some tests do not wait for that.
func settleLeases(t *testing.T, g *gate.Gate) {
	t.Helper()
	if e, ok := g.Counter().(*eager); ok {
		require.NoError(t, e.Close(t.Context()))
	}
}

// TestOverLeases runs the stories of this package once more, with Gates whose Counters
// lease what they charge.
func TestOverLeases(t *testing.T) {
	if os.Getenv(overLeases) != "" {
		t.Skip("this is the process over leases")
	}
	longtest.Only(t)
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.skip=^("+strings.Join(notOverLeases, "|")+")$")
	cmd.Env = append(os.Environ(), overLeases+"=1")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, string(out))
}

// notOverLeases lists the tests that do not hold over leases, with the reasons.
var notOverLeases = []string{
	// They have leases of their own, or none.
	"TestOverLeases", "TestLease", "TestLeases.*", "TestCloseEnds", "TestCounter",
	"TestLastUsed", "TestLastUsedWithLeases", "TestLastUsedOfSecrets", "TestUsageIsNextLevel", "TestUsageWithLeases", "TestMoreAtOnce",

	// They are about single calls of a Counter, or about what allocates.
	"TestPlace", "TestPlaceOfGroups", "TestTimeout", "TestGiveBack", "TestApartCancelled",
	"TestSettleFails", "TestGroupsSettleFails", "TestGroupsSettleApart", "TestReportDuringMove",
	"TestClassesAllocateNothing", "TestUnitsAllocateNothing", "TestRestrictionsAllocateNothing", "TestDecided", "TestCorrected",

	// A settlement fails, which leases would make later.
	"TestOutageHasTwoLines",

	// They move Request.At and not the time. A refusal is remembered by the time.
	"TestRaisedPlan", "TestChargeList",

	// Another process moves a subject. What was corrected here then comes back within the
	// Life of a lease.
	"TestMoved", "TestSettleFollowsMoves",

	// A usage record refuses a charge that would be more than can be counted. Over leases it
	// is charged afterwards, by a later charge than the one that is too much.
	"TestReasons", "TestPeekHuge", "TestUnitsCountExactly", "TestEnforceOffFullRecord",
}
