// Command quickstart tells what Ration does as a story: it starts a real server on a loopback port, makes keys and plans,
// sends real requests, and shows the answers. It fails if a limit was off by one request.
//
//	go run ./examples/quickstart
//	go run ./examples/quickstart -serve 127.0.0.1:8080
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"time"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/middleware"
	"github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/usageplan"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Stdout, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "quickstart:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer, args []string) error {
	flags := flag.NewFlagSet("quickstart", flag.ContinueOnError)
	serve := flags.String("serve", "", "leave a server up on this `address`, with a key to try")
	if err := flags.Parse(args); err != nil {
		return err
	}
	addr := *serve
	if addr == "" {
		addr = "127.0.0.1:0"
	}
	svc, err := newService()
	if err != nil {
		return err
	}
	defer svc.gate.Close()
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	server := &http.Server{Handler: svc.handler, ReadHeaderTimeout: 5 * time.Second}
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	defer func() {
		_ = server.Close()
		<-done
	}()
	base := "http://" + listener.Addr().String()
	if *serve != "" {
		return svc.wait(ctx, out, base)
	}
	return svc.tell(ctx, out, base)
}

// service is what a Go service has when it has Ration.
type service struct {
	keys    *apikey.Service
	plans   *usageplan.Service
	gate    *gate.Gate
	handler http.Handler
}

func newService() (*service, error) {
	st := memory.New(memory.Config{})
	format := apikey.Format{Prefix: "acme"}
	g, err := gate.New(st, st, st, gate.Config{KeyFormat: format})
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /pets/{id}", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "pet %s\n", r.PathValue("id"))
	})
	mw, err := middleware.New(g, middleware.Config{})
	if err != nil {
		return nil, err
	}
	keys, err := apikey.NewService(st, apikey.Config{KeyFormat: format})
	if err != nil {
		return nil, err
	}
	plans, err := usageplan.NewService(st, st)
	if err != nil {
		return nil, err
	}
	return &service{keys: keys, plans: plans, gate: g, handler: mw.Handler(mux)}, nil
}

// client is a new key, and its secret; linked to a plan if planID is not empty.
func (s *service) client(ctx context.Context, name, planID string) (apikey.Key, apikey.Secret, error) {
	key, secret, err := s.keys.Create(ctx, apikey.Key{Name: name, Enabled: true})
	if err == nil && planID != "" {
		err = s.plans.Link(ctx, planID, key.ID)
	}
	return key, secret, err
}

func (s *service) standard(ctx context.Context) (usageplan.Plan, error) {
	return s.plans.Create(ctx, usageplan.Plan{
		Name:     "my-usage-plan",
		Throttle: &limiter.Limit{Rate: 50, Burst: 100},
		Quotas:   []quota.Quota{{Limit: 1000, Period: quota.Day}},
	})
}

// wait leaves the server up until ctx is done.
func (s *service) wait(ctx context.Context, out io.Writer, base string) error {
	plan, err := s.standard(ctx)
	if err != nil {
		return err
	}
	_, secret, err := s.client(ctx, "my-api-key", plan.ID)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, `Serving on %[1]s until interrupted. Try:

  curl -i %[1]s/pets/1
  curl -i -H 'X-API-Key: %[2]s' %[1]s/pets/1
  curl -i -H 'Authorization: Bearer %[2]s' %[1]s/pets/1
  for i in $(seq 150); do curl -s -o /dev/null -w '%%{http_code}\n' -H 'X-API-Key: %[2]s' %[1]s/pets/1; done | sort | uniq -c
`, base, string(secret))
	<-ctx.Done()
	if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) {
		return cause
	}
	return nil
}
