package envoy_test

import (
	"context"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/ration-go/ration"
	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/envoy"
	"github.com/ration-go/ration/envoy/internal/standin"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/usageplan"
)

// service is the parts of a Ration, and a key of its plan.
type service struct {
	*ration.Ration
	store  *countingStore
	key    apikey.Key
	secret apikey.Secret
}

// countingStore counts the look-ups of secrets.
type countingStore struct {
	*memory.Store
	lookups atomic.Int64
}

func (s *countingStore) AccessByDigest(ctx context.Context, d apikey.Digest) (usageplan.Access, error) {
	s.lookups.Add(1)
	return s.Store.AccessByDigest(ctx, d)
}

func newService(t testing.TB, plan string, cfg ration.Config) *service {
	t.Helper()
	st := &countingStore{Store: memory.New(memory.Config{})}
	r, err := ration.New(st, cfg)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, r.Close()) })
	var p usageplan.Plan
	require.NoError(t, unmarshalPlan(plan, &p))
	_, err = r.Plans.Put(t.Context(), p)
	require.NoError(t, err)
	key, secret, err := r.Keys.Create(t.Context(), apikey.Key{Name: "my-client", CustomerID: "Müller & Söhne", Enabled: true})
	require.NoError(t, err)
	require.NoError(t, r.Plans.Link(t.Context(), p.ID, key.ID))
	return &service{r, st, key, secret}
}

func (s *service) authorizer(t testing.TB, cfg envoy.AuthorizerConfig) *envoy.Authorizer {
	a, err := envoy.NewAuthorizer(s.Gate, cfg)
	require.NoError(t, err)
	return a
}

func (s *service) limiter(t testing.TB, cfg envoy.LimiterConfig) *envoy.Limiter {
	l, err := envoy.NewLimiter(s.Gate, cfg)
	require.NoError(t, err)
	return l
}

// request returns a request whose header is given as pairs of names and values.
func request(method, target string, header ...string) *http.Request {
	r := httptest.NewRequest(method, target, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	return r
}

// asked returns what Envoy asks about r.
func asked(r *http.Request) *authv3.CheckRequest { return new(standin.Proxy).CheckRequest(r) }

// recorded reads a file of testdata. It fills in the secret, in both of its forms.
func recorded(t testing.TB, file, secret string, m proto.Message) {
	text, err := os.ReadFile("testdata/" + file)
	require.NoError(t, err)
	json := strings.ReplaceAll(string(text), `"rawValue": "SECRET"`, `"rawValue": "`+base64.StdEncoding.EncodeToString([]byte(secret))+`"`)
	require.NoError(t, protojson.Unmarshal([]byte(strings.ReplaceAll(json, "SECRET", secret)), m))
}

// valuesOf returns the fields of options by their names.
func valuesOf(options []*corev3.HeaderValueOption) map[string][]string {
	all := map[string][]string{}
	for _, o := range options {
		all[o.GetHeader().GetKey()] = append(all[o.GetHeader().GetKey()], o.GetHeader().GetValue())
	}
	return all
}

// statusOf returns the status of the answer: 200 if the request is admitted.
func statusOf(out *authv3.CheckResponse) int {
	if out.GetStatus().GetCode() == 0 {
		return http.StatusOK
	}
	return int(out.GetDeniedResponse().GetStatus().GetCode())
}

func unmarshalPlan(text string, p *usageplan.Plan) error { return p.UnmarshalJSON([]byte(text)) }
