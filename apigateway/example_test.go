package apigateway_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/ration-go/ration/apigateway"
	"github.com/ration-go/ration/apigateway/sigv4"
	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/history"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/usageplan"
)

// A control plane should listen on an address of its own, beside the service. This one
// accepts requests that are signed as AWS's tools sign them.
func Example() {
	st := memory.New(memory.Config{})
	format := apikey.Format{AcceptForeign: true} // for values that administrators choose
	g, err := gate.New(st, st, st, gate.Config{KeyFormat: format})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer g.Close()
	verifier, err := sigv4.New(func(_ context.Context, id string) (secret string, known bool, err error) {
		return "the secret of the administrator", id == "admin", nil
	}, sigv4.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	h, err := apigateway.New(must(apikey.NewService(st, apikey.Config{KeyFormat: format})), must(usageplan.NewService(st, st, usageplan.Config{})), g, apigateway.Signed(verifier), apigateway.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	server := httptest.NewServer(h) // http.Server{Addr: "127.0.0.1:8081", Handler: h}
	defer server.Close()

	resp, err := http.Get(server.URL + "/apikeys") // an unsigned request
	if err != nil {
		fmt.Println(err)
		return
	}
	defer resp.Body.Close()
	fmt.Println(resp.StatusCode, resp.Header.Get("x-amzn-ErrorType"))
	// Output: 403 MissingAuthenticationTokenException
}

// A service can authenticate its administrators in its own way.
func ExampleAuthenticator() {
	var byHeader apigateway.Authenticator = func(r *http.Request) (history.Actor, error) {
		user := r.Header.Get("X-Authenticated-User") // set by a proxy in front
		if user != "ann" {
			return history.Actor{}, errors.New("not an administrator")
		}
		return history.Actor{Kind: "proxy", Name: user}, nil
	}
	st := memory.New(memory.Config{})
	g, _ := gate.New(st, st, st, gate.Config{})
	defer g.Close()
	h, _ := apigateway.New(must(apikey.NewService(st, apikey.Config{})), must(usageplan.NewService(st, st, usageplan.Config{})), g, byHeader, apigateway.Config{})
	for _, user := range []string{"bob", "ann"} {
		r := httptest.NewRequest("POST", "/usageplans", strings.NewReader(`{"name": "gold", "quota": {"limit": 1000, "period": "DAY"}}`))
		r.Header.Set("X-Authenticated-User", user)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		fmt.Println(user, w.Code)
	}
	// Output:
	// bob 403
	// ann 201
}
