// Command example protects a service by an Envoy in front of it. It runs the service and
// the server that Envoy asks. The service has no code of Ration.
//
//	go run ./example
//	envoy -c example/envoy.yaml
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"

	"google.golang.org/grpc"

	"github.com/ration-go/ration"
	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/envoy"
	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/middleware"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/usageplan"
)

func main() {
	asked := flag.String("listen", "127.0.0.1:9001", "the `address` that Envoy asks")
	served := flag.String("service", "127.0.0.1:9002", "the `address` of the service")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *asked, *served); err != nil {
		log.Fatal(err)
	}
}

// run serves until ctx is done.
func run(ctx context.Context, asked, served string) error {
	r, secret, err := keys(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = r.Close() }()
	server, err := newServer(r)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", asked)
	if err != nil {
		return err
	}
	behind := &http.Server{Addr: served, Handler: newService()}
	failed := make(chan error, 2)
	go func() { failed <- server.Serve(listener) }()
	go func() { failed <- behind.ListenAndServe() }()
	fmt.Printf("curl -i -H 'X-API-Key: %s' http://127.0.0.1:10000/pets\n", string(secret))
	select {
	case err = <-failed:
	case <-ctx.Done():
	}
	server.GracefulStop()
	return errors.Join(err, behind.Close())
}

// keys returns a plan and a key of it.
func keys(ctx context.Context) (*ration.Ration, apikey.Secret, error) {
	r, err := ration.New(memory.New(memory.Config{}), ration.Config{Units: usageplan.Units{{Name: "tokens"}}})
	if err != nil {
		return nil, "", err
	}
	p, err := usageplan.Parse("free", "1/s burst 5", "1000/day", "500 tokens/day")
	if err != nil {
		return nil, "", err
	}
	p.Routes = map[string]limiter.Limit{"POST /chat": {Rate: 1, Burst: 3}}
	if _, err := r.Plans.Put(ctx, p); err != nil {
		return nil, "", err
	}
	_, secret, err := r.Issue(ctx, p.ID, "my-client")
	return r, secret, err
}

// newServer returns the server that Envoy asks.
func newServer(r *ration.Ration) (*grpc.Server, error) {
	a, err := envoy.NewAuthorizer(r.Gate, envoy.AuthorizerConfig{Middleware: middleware.Config{
		Public: []string{"GET /health"},
		Costs: func(r *http.Request) usageplan.Costs {
			if r.URL.Path == "/chat" {
				return usageplan.Costs{1} // refuses if no token is left; the rest comes late
			}
			return usageplan.Costs{}
		},
	}})
	if err != nil {
		return nil, err
	}
	l, err := envoy.NewLimiter(r.Gate, envoy.LimiterConfig{HitsUnit: "tokens"})
	if err != nil {
		return nil, err
	}
	s := grpc.NewServer()
	envoy.Register(s, a, l)
	return s, nil
}

// newService returns the service behind Envoy.
func newService() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /health", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "well") }) // needs no key
	mux.HandleFunc("POST /chat", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Tokens", "300")
		fmt.Fprintln(w, "hello")
	})
	mux.HandleFunc("GET /pets", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "key %q of plan %q, credential %q\n",
			r.Header.Get("X-Ration-Key-Id"), r.Header.Get("X-Ration-Plan-Id"), r.Header.Get("X-API-Key"))
	})
	return mux
}
