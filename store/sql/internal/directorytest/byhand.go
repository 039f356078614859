package directorytest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/usageplan"
)

// fill inserts a key, a plan, a group and a link.
func fill(t *testing.T, s Store) {
	t.Helper()
	ctx := t.Context()
	require.NoError(t, s.InsertKey(ctx, apikey.Key{ID: "k", Digest: apikey.DigestOf("k"), GroupID: "g", Tags: apikey.Tags{"a": "b"}}))
	require.NoError(t, s.InsertPlan(ctx, usageplan.Plan{ID: "p"}))
	require.NoError(t, s.InsertGroup(ctx, usageplan.Group{ID: "g"}))
	require.NoError(t, s.InsertLink(ctx, usageplan.Link{PlanID: "p", KeyID: "k", Allowance: "p"}))
}

// A Fault is a change by hand that a Store does not understand, and what the error says.
type Fault struct{ SQL, Says string }

// Faults are those that both databases accept.
var Faults = []Fault{
	{`UPDATE ration_plans SET limits = '{"throttle": "5/fortnight"}'`, `table ration_plans: plan "p": column limits: usageplan: invalid plan: limiter: invalid limit "5/fortnight"`},
	{`UPDATE ration_plans SET limits = '{"throtle": "5/s"}'`, `table ration_plans: plan "p": column limits: usageplan: invalid plan: json: unknown field "throtle"`},
	{`UPDATE ration_plans SET limits = '{"name": "x"}'`, `table ration_plans: plan "p": column limits: a member that is not a limit`},
	{`UPDATE ration_plans SET limits = '[]'`, `table ration_plans: plan "p": column limits`},
	{`UPDATE ration_plans SET limits = 'null'`, `table ration_plans: plan "p": column limits`},
	{`UPDATE ration_plans SET stages = '["x"]'`, `table ration_plans: plan "p": column stages`},
	{`UPDATE ration_plans SET tags = '{"a": 1}'`, `table ration_plans: plan "p": column tags`},
	{"UPDATE ration_plans SET name = 'a\ufffd'", `table ration_plans: plan "p": column name: U+FFFD without two hexadecimal digits`},
	{`UPDATE ration_links SET limits = '{"quotas": ["1/aeon"]}'`, `table ration_links: link of plan "p" and key "k": column limits`},
	{`UPDATE ration_links SET limits = '{"planId": "q"}'`, `table ration_links: link of plan "p" and key "k": column limits: a member that is not a limit`},
	{`UPDATE ration_groups SET limits = '{"for": {}}'`, `table ration_groups: group "g": column limits: usageplan: invalid group: json: unknown field "for"`},
	{`UPDATE ration_keys SET tags = '7'`, `table ration_keys: key "k": column tags`},
	{`UPDATE ration_keys SET stage_keys = '{}'`, `table ration_keys: key "k": column stage_keys`},
	{`UPDATE ration_keys SET scopes = '"orders:read"'`, `table ration_keys: key "k": column scopes`},
	{`UPDATE ration_keys SET networks = '["192.0.2.0"]'`, `table ration_keys: key "k": column networks`},
	{`UPDATE ration_keys SET networks = '[7]'`, `table ration_keys: key "k": column networks`},
	{`UPDATE ration_keys SET networks = 'null'`, `table ration_keys: key "k": column networks: null: want an array`},
	{`UPDATE ration_keys SET form = 1`, `table ration_keys: key "k": column form: 1: want at most 0: a newer release wrote the key`},
}

// TestByHand makes each change by hand, and checks that no look-up answers as if the row
// were right, and that the error names the table, the record and the column.
func TestByHand(t *testing.T, fresh func(t *testing.T) (s Store, exec func(statement string) error), faults []Fault) {
	for _, f := range faults {
		t.Run(f.SQL, func(t *testing.T) {
			s, exec := fresh(t)
			fill(t, s)
			require.NoError(t, exec(f.SQL))
			_, err := s.AccessByKey(t.Context(), "k")
			require.ErrorContains(t, err, f.Says)
			require.NotErrorIs(t, err, apikey.ErrNotFound)
			_, err = s.AccessByDigest(t.Context(), apikey.DigestOf("k"))
			require.ErrorContains(t, err, f.Says)
			_, _, listErr := s.Plans(t.Context(), "", 10)
			_, err = s.KeyLinks(t.Context(), "k")
			_, keyErr := s.Key(t.Context(), "k")
			_, _, groupErr := s.Groups(t.Context(), usageplan.GroupFilter{}, "", 10)
			failed := 0
			for _, err := range []error{listErr, err, keyErr, groupErr} {
				if err != nil {
					failed++
					require.ErrorContains(t, err, f.Says)
				}
			}
			require.Equal(t, 1, failed)
		})
	}
}

// TestColumnsOfANewerRelease adds a column to each table, as a newer release may do while
// this one runs, and changes the records. The values in the new columns stay.
func TestColumnsOfANewerRelease(t *testing.T, s Store, exec func(statement string) error, sum func(query string) int64) {
	ctx := t.Context()
	fill(t, s)
	tables := []string{"ration_keys", "ration_plans", "ration_groups", "ration_links"}
	for _, table := range tables {
		require.NoError(t, exec("ALTER TABLE "+table+" ADD COLUMN frozen INT"))
		require.NoError(t, exec("UPDATE "+table+" SET frozen = 7"))
	}
	k, err := s.Key(ctx, "k")
	require.NoError(t, err)
	k.Name = "changed"
	require.NoError(t, s.UpdateKey(ctx, k))
	p, err := s.Plan(ctx, "p")
	require.NoError(t, err)
	p.Name = "changed"
	require.NoError(t, s.UpdatePlan(ctx, p))
	g, err := s.Group(ctx, "g")
	require.NoError(t, err)
	g.Name = "changed"
	require.NoError(t, s.UpdateGroup(ctx, g))
	links, err := s.KeyLinks(ctx, "k")
	require.NoError(t, err)
	links[0].Throttle = &limiter.Limit{}
	require.NoError(t, s.UpdateLink(ctx, links[0]))
	for _, table := range tables {
		require.EqualValues(t, 7, sum("SELECT sum(frozen) FROM "+table+" WHERE version > 0"), table)
	}
}

// TestChangesByHand checks that rows which are changed by hand are found by their
// digests, and that a Run tells of them.
func TestChangesByHand(t *testing.T, s Store, exec func(statement string) error) {
	heard := make(chan string, 100)
	defer s.OnChange(func(id string) { heard <- id })()
	odd := "a\x00\xff'\ufffd"
	require.NoError(t, s.InsertKey(t.Context(), apikey.Key{ID: odd}))
	require.NoError(t, s.DeleteKey(t.Context(), odd))
	fill(t, s)
	for _, step := range []struct {
		sql  string
		want []string
	}{
		{"SELECT 1", []string{"", odd, odd, "k", "p", "g", "k"}},
		{"UPDATE ration_keys SET enabled = true, version = version + 1 WHERE id = 'k'", []string{"k"}},
		{"UPDATE ration_plans SET limits = '{\"throttle\": \"5/s\"}', version = version + 1", []string{"p"}},
		{"UPDATE ration_groups SET name = 'x', version = version + 1", []string{"g"}},
		{"UPDATE ration_links SET key_id = 'l', version = version + 1", []string{"l", "k"}},
		{"DELETE FROM ration_links", []string{"l"}},
		{"INSERT INTO ration_keys (id, enabled, digest) SELECT 'new', true, digest FROM ration_keys WHERE id = 'none'", nil},
		{"UPDATE ration_keys SET id = 'renamed', retiring = digest, digest = NULL", []string{"renamed", "k"}},
	} {
		require.NoError(t, exec(step.sql))
		for _, want := range step.want {
			select {
			case got := <-heard:
				require.Equal(t, want, got, step.sql)
			case <-time.After(10 * time.Second):
				t.Fatalf("%s: not told of %q", step.sql, want)
			}
		}
	}
	k, err := s.KeyByDigest(t.Context(), apikey.DigestOf("k"))
	require.NoError(t, err)
	require.Equal(t, "renamed", k.ID)
	require.True(t, k.Enabled)
	require.Zero(t, k.Digest)
	require.NoError(t, exec("DELETE FROM ration_keys"))
	_, err = s.KeyByDigest(t.Context(), apikey.DigestOf("k"))
	require.ErrorIs(t, err, apikey.ErrNotFound)
	require.NoError(t, s.InsertKey(t.Context(), apikey.Key{ID: "k", Digest: apikey.DigestOf("k")}))
}

// Run runs Run until the test ends, and returns when it hears of changes.
func Run(t testing.TB, s Store, run func(context.Context) error) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	heard := make(chan struct{}, 2)
	stop := s.OnChange(func(id string) {
		if id == "" {
			heard <- struct{}{}
		}
	})
	<-heard // OnChange itself
	go func() { ended <- run(ctx) }()
	select {
	case <-heard:
	case err := <-ended:
		t.Fatalf("run: %v", err)
	}
	stop()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			require.ErrorContains(t, err, "closed") // the test has closed the Store before
		}
	})
}
