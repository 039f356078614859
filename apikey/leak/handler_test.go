package leak_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/apikey/leak"
	"github.com/ration-go/ration/history"
)

const place = "https://example.com/octocat/hello/blob/main/.env"

// TestReport reports a secret again and again.
func TestReport(t *testing.T) {
	f := newFixture(t, nil)
	k, secret := f.key(apikey.Key{ID: "ann"})
	_, other := f.key(apikey.Key{ID: "bob"})
	foreign := string(must(acme.New()))
	want := []string{labelOf(secret, "true_positive"), labelOf(foreign, "false_positive"), labelOf("garbage", "false_positive")}

	status, labels := f.reports(place, secret, foreign, "garbage")
	require.Equal(t, http.StatusOK, status)
	require.Equal(t, want, labels)
	require.False(t, f.good(secret))
	require.True(t, f.good(other))

	require.Len(t, f.leaks, 1)
	l := f.leaks[0]
	require.Equal(t, k.ID, l.Key.ID)
	require.False(t, l.Key.Enabled, "the key as it is now")
	require.Equal(t, []string{"acme_api_key", "commit", place}, []string{l.Type, l.Source, l.URL})
	require.True(t, l.Live)
	require.True(t, l.Changed)
	require.False(t, l.Previous)
	require.Equal(t, leak.Revoke, l.Action)

	for range 3 {
		status, labels = f.reports(place, secret, foreign, "garbage")
		require.Equal(t, http.StatusOK, status)
		require.Equal(t, want, labels, "it is still a true positive")
	}
	require.Len(t, f.leaks, 1, "nobody is told again")

	f.reports(place+"2", secret)
	require.Len(t, f.leaks, 2, "another place")
	require.False(t, f.leaks[1].Changed)
	require.False(t, f.leaks[1].Live)
	require.NotEqual(t, l.ID, f.leaks[1].ID)

	again := must(leak.New(f.keys, leak.Config{Client: &http.Client{Transport: f.scanner}, OnLeak: func(_ context.Context, l leak.Leak) error {
		f.leaks = append(f.leaks, l)
		return nil
	}}))
	again.ServeHTTP(httptest.NewRecorder(), f.scanner.sign("k1", in(place, secret)))
	require.Equal(t, l.ID, f.leaks[2].ID, "another process tells it with the same ID")

	entries, _, err := f.history.List(t.Context(), history.Filter{Action: history.Revoke}, "", 10)
	require.NoError(t, err)
	require.Len(t, entries, 1)
	require.Equal(t, history.Actor{Kind: "scanner", Name: "github"}, entries[0].Actor)
	require.Equal(t, k.ID, entries[0].ID)
}

// TestActions says what becomes of a secret under each action.
func TestActions(t *testing.T) {
	publishable := func(_ context.Context, l leak.Leak) leak.Action {
		if l.Key.Tags["publishable"] == "yes" {
			return leak.Tell
		}
		return leak.Revoke
	}
	for name, c := range map[string]struct {
		cfg     leak.Config
		tags    apikey.Tags
		good    []time.Duration // since the report
		bad     []time.Duration
		enabled bool
	}{
		"revoke":            {leak.Config{}, nil, nil, []time.Duration{0}, false},
		"end at once":       {leak.Config{Action: leak.EndSecret}, nil, nil, []time.Duration{0}, true},
		"end after an hour": {leak.Config{Action: leak.EndSecret, Grace: time.Hour}, nil, []time.Duration{0, time.Hour - time.Microsecond}, []time.Duration{time.Hour}, true},
		"tell":              {leak.Config{Action: leak.Tell}, nil, []time.Duration{0, 1e6 * time.Hour}, nil, true},
		"publishable":       {leak.Config{Decide: publishable}, apikey.Tags{"publishable": "yes"}, []time.Duration{0, 1e6 * time.Hour}, nil, true},
		"not publishable":   {leak.Config{Decide: publishable}, nil, nil, []time.Duration{0}, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFixture(t, func(cfg *leak.Config) { cfg.Action, cfg.Grace, cfg.Decide = c.cfg.Action, c.cfg.Grace, c.cfg.Decide })
				k, secret := f.key(apikey.Key{Tags: c.tags})
				began := time.Now()
				for range 2 { // the second report changes nothing
					status, labels := f.reports(place, secret)
					require.Equal(t, http.StatusOK, status)
					require.Equal(t, []string{labelOf(secret, "true_positive")}, labels)
				}
				require.Len(t, f.leaks, 1)
				for _, after := range c.good {
					time.Sleep(time.Until(began.Add(after)))
					require.True(t, f.good(secret), "after %v", after)
				}
				for _, after := range c.bad {
					time.Sleep(time.Until(began.Add(after)))
					require.False(t, f.good(secret), "after %v", after)
				}
				k, err := f.keys.Get(t.Context(), k.ID)
				require.NoError(t, err)
				require.Equal(t, c.enabled, k.Enabled)
			})
		})
	}
}

// TestPreviousSecret reports the secret that a rotation has replaced.
func TestPreviousSecret(t *testing.T) {
	f := newFixture(t, nil)
	k, old := f.key(apikey.Key{})
	_, fresh, err := f.keys.Rotate(t.Context(), k.ID, time.Hour)
	require.NoError(t, err)
	_, labels := f.reports(place, old)
	require.Equal(t, []string{labelOf(old, "true_positive")}, labels)
	require.False(t, f.good(old))
	require.True(t, f.good(string(fresh)), "its owner has changed already")
	require.True(t, f.leaks[0].Previous)
}

// TestOtherPrefix reports a secret of an earlier prefix of the service.
func TestOtherPrefix(t *testing.T) {
	f := newFixture(t, nil)
	earlier := must(apikey.NewService(f.store, apikey.Config{KeyFormat: apikey.Format{Prefix: "acme"}}))
	k, secret, err := earlier.Create(t.Context(), apikey.Key{Enabled: true})
	require.NoError(t, err)
	_, labels := f.reports(place, string(secret))
	require.Equal(t, []string{labelOf(string(secret), "true_positive")}, labels)
	k, err = f.keys.Get(t.Context(), k.ID)
	require.NoError(t, err)
	require.False(t, k.Enabled)
}

// TestUnsigned checks that a request without a valid signature learns nothing: every such
// answer is equal in each byte, and nothing is looked up.
func TestUnsigned(t *testing.T) {
	f := newFixture(t, nil)
	_, live := f.key(apikey.Key{})
	_, dead := f.key(apikey.Key{})
	require.Equal(t, http.StatusOK, first(f.reports(place, dead)))
	other := newScanner("k1")
	before := f.store.lookups.Load()

	answers := map[string]bool{}
	for _, token := range []string{live, dead, string(must(acme.New())), "garbage"} {
		for _, body := range []string{in(place, token), "[" + token, strings.Repeat(in(place, token), 100)} {
			signed := f.scanner.sign("k1", in(place, "other"))
			for _, r := range []*http.Request{
				httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body)),
				report("k1", nil, body),
				report("unknown", []byte("x"), body),
				report("k1", []byte("x"), body),
				other.sign("k1", body),
				withSignature(signed, body),
			} {
				answers[bodyOf(f.Handler, r)] = true
			}
		}
	}
	require.Len(t, answers, 1)
	require.Equal(t, before, f.store.lookups.Load(), "nothing is looked up")
	require.True(t, f.good(live))
}

// withSignature returns a request with a body and the signature of another.
func withSignature(signed *http.Request, body string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
	r.Header = signed.Header
	return r
}

func first(status int, _ []string) int { return status }

// TestBounds sends signed reports of all sizes and forms.
func TestBounds(t *testing.T) {
	f := newFixture(t, func(cfg *leak.Config) { cfg.MaxBody, cfg.MaxTokens = 4096, 20 })
	token := string(must(acme.New()))
	many := func(n int) []string { return strings.Split(strings.TrimSuffix(strings.Repeat(token+" ", n), " "), " ") }
	for _, c := range []struct {
		what, body string
		want       int
	}{
		{"none", "[]", 200},
		{"the most", in("", many(20)...), 200},
		{"one too many", in("", many(21)...), 413},
		{"other members", `[{"token":"a","type":"b","url":null,"x":[1]}]`, 200},
		{"spaces", " [ ] \n", 200},
		{"empty", "", 400},
		{"no array", `{"token":"a"}`, 400},
		{"null", `[null]`, 400},
		{"a text", `["` + token + `"]`, 400},
		{"no end", `[{"token":"a"}`, 400},
		{"more behind", `[]{}`, 400},
		{"the greatest body", "[" + strings.Repeat(" ", 4094) + "]", 200},
		{"a byte more", "[" + strings.Repeat(" ", 4095) + "]", 413},
	} {
		status, _ := f.send(f.scanner.sign("k1", c.body))
		require.Equal(t, c.want, status, c.what)
		chunked := f.scanner.sign("k1", c.body)
		chunked.ContentLength = -1
		require.Equal(t, c.want, first(f.send(chunked)), c.what+", of unknown length")
	}
	require.Equal(t, 405, first(f.send(httptest.NewRequest(http.MethodGet, "/", nil))))
	long := report("k1", make([]byte, 4000), "[]")
	require.Equal(t, 403, first(f.send(long)), "a long signature")
	long = report(strings.Repeat("k", 4000), []byte("x"), "[]")
	require.Equal(t, 403, first(f.send(long)), "a long ID")
	require.Equal(t, 1, f.scanner.fetched)
	require.NotContains(t, f.log.String(), token[10:])
}

// TestFailures checks that a report that failed is finished when it is repeated.
func TestFailures(t *testing.T) {
	f := newFixture(t, nil)
	_, secret := f.key(apikey.Key{})
	f.store.fails.Store(true)
	require.Equal(t, 503, first(f.reports(place, secret)))
	require.Empty(t, f.leaks)
	f.store.fails.Store(false)

	f.err = errors.New("the mail server is down")
	require.Equal(t, 503, first(f.reports(place, secret)))
	require.False(t, f.good(secret), "it is revoked nevertheless")
	f.err = nil
	require.Equal(t, 200, first(f.reports(place, secret)))
	require.Len(t, f.leaks, 2, "the owner is told in the end")
	require.Equal(t, f.leaks[0].ID, f.leaks[1].ID)
	require.Equal(t, 200, first(f.reports(place, secret)))
	require.Len(t, f.leaks, 2)
	require.Contains(t, f.log.String(), "a report of leaked secrets failed")
}

// TestManySecrets reports many secrets at once, some twice.
func TestManySecrets(t *testing.T) {
	f := newFixture(t, nil)
	var tokens, want []string
	for range 100 {
		_, secret := f.key(apikey.Key{})
		none := string(must(acme.New()))
		tokens = append(tokens, secret, none, secret)
		want = append(want, labelOf(secret, "true_positive"), labelOf(none, "false_positive"), labelOf(secret, "true_positive"))
	}
	status, labels := f.reports(place, tokens...)
	require.Equal(t, 200, status)
	require.Equal(t, want, labels)
	for i := 0; i < len(tokens); i += 3 {
		require.False(t, f.good(tokens[i]))
	}
}

// TestNoSecretIsShown looks for a secret in all that the Handler says, also if the place
// contains the secret.
func TestNoSecretIsShown(t *testing.T) {
	f := newFixture(t, nil)
	_, secret := f.key(apikey.Key{})
	r := f.scanner.sign("k1", string(must(json.Marshal([]found{{secret, "type " + secret, place + "?q=" + secret, secret}}))))
	answer := bodyOf(f.Handler, r)
	body := strings.ReplaceAll(answer, "type "+secret, "") // the service's own, sent back
	f.err = errors.New("x")
	f.reports(place+"?"+secret, secret)
	random := secret[10:30]
	require.NotContains(t, body, random)
	require.NotContains(t, f.log.String(), random)
	require.NotContains(t, f.log.String(), "example.com", "where it was found leads to the secret")
	for _, l := range f.leaks {
		require.NotContains(t, string(must(json.Marshal(l))), random)
		require.Contains(t, l.URL, "?")
	}
}

// TestNew lists bad configurations.
func TestNew(t *testing.T) {
	st := newFixture(t, nil).store
	service := func(f apikey.Format) *apikey.Service { return must(apikey.NewService(st, apikey.Config{KeyFormat: f})) }
	for _, c := range []struct {
		keys *apikey.Service
		cfg  leak.Config
		want string
	}{
		{nil, leak.Config{}, "keys: nil"},
		{service(apikey.Format{}), leak.Config{}, `keys: keyFormat.prefix: "": want one that no other service has`},
		{service(apikey.Format{Prefix: "key"}), leak.Config{}, `keys: keyFormat.prefix: "key"`},
		{service(acme), leak.Config{KeysURL: "http://example.com/keys"}, "keysURL"},
		{service(acme), leak.Config{KeysURL: "https://user:x@example.com/keys"}, "keysURL"},
		{service(acme), leak.Config{Action: 3}, "action"},
		{service(acme), leak.Config{Grace: -1, MaxBody: -1, MaxTokens: -1}, "grace"},
		{service(acme), leak.Config{Grace: -1, MaxBody: -1, MaxTokens: -1}, "maxTokens"},
	} {
		_, err := leak.New(c.keys, c.cfg)
		require.ErrorIs(t, err, leak.ErrInvalid)
		require.ErrorContains(t, err, c.want)
	}
	for _, c := range []leak.Config{{}, {KeysURL: "http://127.0.0.1:1/keys"}, {KeysURL: "http://[::1]/keys"}, {KeysURL: "http://localhost/keys"}} {
		_, err := leak.New(service(acme), c)
		require.NoError(t, err)
	}
	_, err := leak.New(service(apikey.Format{AcceptForeign: true}), leak.Config{})
	require.NoError(t, err)
}

// TestPanics has functions of the Config that panic. That fails the report, and does not
// end the process.
func TestPanics(t *testing.T) {
	for name, change := range map[string]func(*leak.Config){
		"OnLeak": func(cfg *leak.Config) { cfg.OnLeak = func(context.Context, leak.Leak) error { panic("no mailer") } },
		"Decide": func(cfg *leak.Config) {
			cfg.Decide = func(context.Context, leak.Leak) leak.Action { panic("no mailer") }
		},
	} {
		f := newFixture(t, change)
		_, secret := f.key(apikey.Key{})
		require.Equal(t, 503, first(f.reports(place, secret)), name)
		require.Contains(t, f.log.String(), "no mailer", name)
		require.NotContains(t, f.log.String(), secret, name)
	}
}

// TestLargeBodiesAtOnce holds large bodies open that have no valid signature. The IDs of
// the public keys are known to everybody, so anybody can send them. They take no more
// memory, and reports of usual size are handled as ever.
func TestLargeBodiesAtOnce(t *testing.T) {
	f := newFixture(t, nil)
	_, secret := f.key(apikey.Key{})
	large := "[" + strings.Repeat(" ", 1<<20)
	const most = 8
	answers := make(chan int)
	var ends []*io.PipeWriter
	for range most + 4 {
		body, end := io.Pipe()
		ends = append(ends, end)
		r := report("k1", []byte("x"), "")
		r.Body, r.ContentLength = body, -1
		go func() {
			w := httptest.NewRecorder()
			f.ServeHTTP(w, r)
			_ = body.Close()
			answers <- w.Code
		}()
		go func() { _, _ = io.WriteString(end, large) }()
	}
	for range 4 {
		require.Equal(t, 503, <-answers, "more than %d large bodies at once", most)
	}
	require.Equal(t, 200, first(f.reports(place, secret)))
	for _, end := range ends {
		_ = end.CloseWithError(io.ErrUnexpectedEOF)
	}
	for range most {
		require.Equal(t, 400, <-answers)
	}
	require.Equal(t, 413, first(f.send(f.scanner.sign("k1", "["+strings.Repeat(" ", 4<<20)+"]"))), "and there is room again")
	require.Equal(t, 200, first(f.send(f.scanner.sign("k1", "["+strings.Repeat(" ", 1<<20)+"]"))))
}
