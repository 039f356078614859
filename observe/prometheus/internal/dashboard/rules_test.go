package dashboard

import (
	"fmt"
	"log/slog"
	"os"
	"strings"
	"testing"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/stretchr/testify/require"
)

// rules returns the alerting rules, and checks their form as Prometheus does.
func rules(t *testing.T) (all []rulefmt.Rule) {
	text, err := os.ReadFile("../../rules.yaml")
	require.NoError(t, err)
	groups, errs := rulefmt.Parse(text, false, model.UTF8Validation, parser.NewParser(parser.Options{}), slog.New(slog.DiscardHandler))
	require.Empty(t, errs)
	for _, g := range groups.Groups {
		all = append(all, g.Rules...)
	}
	return all
}

// TestRules checks that every rule names metrics and labels that a registry gathers, and
// that a person who is paged can read what has happened.
func TestRules(t *testing.T) {
	known, names := gathered(t), map[string]bool{}
	for _, r := range rules(t) {
		require.Empty(t, known.faults(query{where: r.Alert, expr: r.Expr}), r.Alert)
		require.False(t, names[r.Alert], "%s is there twice", r.Alert)
		names[r.Alert] = true
		require.Contains(t, []string{"page", "ticket"}, r.Labels["severity"], r.Alert)
		for _, annotation := range []string{"summary", "description"} {
			require.NotEmpty(t, r.Annotations[annotation], r.Alert)
		}
	}
	text, err := os.ReadFile("../../../../docs/metrics.md")
	require.NoError(t, err)
	for name := range names {
		require.Contains(t, string(text), "| "+name+" |")
	}
}

// TestEveryFailureHasARule checks that each metric that tells of a failure is in a rule.
func TestEveryFailureHasARule(t *testing.T) {
	var all strings.Builder
	for _, r := range rules(t) {
		fmt.Fprintln(&all, r.Expr)
	}
	for _, metric := range []string{
		`ration_store_outage)`, `ration_store_denied_total[`, `ration_listener_denied_total[`, `ration_listener_subscribed =`,
		`ration_listener_running =`, `ration_decisions_total{degraded="true"}`, `ration_stale_key_age_seconds)`, `ration_lease_failing)`,
		`ration_corrections_total{result="failed"}`, `ration_store_duration_seconds_bucket[`, `ration_setup_mistakes_total)`,
		`ration_alert_events_total{`, `ration_admin_failed_logins_total{`,
	} {
		require.Contains(t, all.String(), metric)
	}
}
