// Package leak receives the reports of secret scanners, and revokes the secrets that they
// have found.
//
// GitHub scans public repositories, issues, gists and npm packages for the secrets of the
// services in its secret scanning partner program, and reports them within minutes. A
// [Handler] receives these reports in a service that has [apikey.Service]:
//
//	reports, err := leak.New(keys, leak.Config{OnLeak: tellOwner})
//	mux.Handle("POST /secret-scanning", reports)
//
// It verifies the signature of a report, finds the keys of the reported secrets, revokes
// them, and tells the service. Its answer labels each secret as a true or a false
// positive. A [Config] decides what becomes of a secret, such as of one that is meant to
// be public.
//
// To join the program, a service needs a prefix that nobody else has:
// apikey.Format.Prefix. The pattern to hand in is apikey.Format.Pattern. [Gitleaks] and
// [TruffleHog] make rules of it for scanners that developers run themselves.
//
// Security: a report that is not signed by one of the published keys gets the same answer
// whatever is in it, and nothing is looked up. Logs and errors have no secret, and the
// answer has digests only.
package leak
