package usageplan

import "fmt"

// The bounds of the Alerts of a plan or a link.
const (
	MaxAlerts       = 10   // thresholds
	MaxAlertPercent = 1000 // of the allowance; soft quotas can be exceeded
)

// CheckAlerts reports every fault of thresholds at once, which are percentages of an
// allowance. They are 1 to MaxAlertPercent, in ascending order and without repetition,
// and at most MaxAlerts. The error wraps ErrInvalid.
func CheckAlerts(thresholds []int) error { return invalid("alerts", alertFaults(thresholds)) }

// alertFaults returns the faults of the Alerts of a plan or a link.
func alertFaults(thresholds []int) (errs []error) {
	if n := len(thresholds); n > MaxAlerts {
		return []error{fmt.Errorf("alerts: %d of them: want at most %d", n, MaxAlerts)}
	}
	for i, t := range thresholds {
		if t < 1 || t > MaxAlertPercent {
			errs = append(errs, fmt.Errorf("alerts[%d]: %d: want 1 to %d percent", i, t, MaxAlertPercent))
		}
		if i > 0 && t <= thresholds[i-1] {
			errs = append(errs, fmt.Errorf("alerts[%d]: %d after %d: want ascending order without repetition", i, t, thresholds[i-1]))
		}
	}
	return errs
}
