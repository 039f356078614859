package store

import "strings"

// leasedSuffix ends the subjects of counts. The byte 0 keeps them apart from the subjects
// of keys and groups.
const leasedSuffix = ">leased\x00"

// LeasedSubject returns the subject under which processes count what they have leased of
// the quotas of subject. Package lease leases units: it pays for them before they are
// spent. For each window of subject, the count has a window with the same name and Start.
// Its Used is how many units of the quota's Used are leased and not known to be spent.
//
// Units that a process leased and did not give back before it crashed stay in the count
// until the window ends. LeasedSubject reports false if subject is too long for a count.
// Then its leases are not counted.
//
// A count is of the same family as subject, so that both change in one step. A service
// must not charge such a subject for anything else, nor one that begins with it: package
// lease keeps there what tells its settlements apart.
func LeasedSubject(subject string) (count string, ok bool) {
	count = subject + leasedSuffix
	return count, len(count) <= MaxSubject
}

// CutLeased returns the subject that a count is of. It reports false if subject is no
// count, and then returns it unchanged.
func CutLeased(subject string) (of string, isCount bool) {
	return strings.CutSuffix(subject, leasedSuffix)
}
