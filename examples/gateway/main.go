// Command gateway is a reverse proxy that enforces usage plans. The aws command line
// manages its keys and plans through a control plane on a second address:
//
//	go run -C examples/gateway . -data 127.0.0.1:8080 -control 127.0.0.1:8081 \
//	    -upstream http://127.0.0.1:9000
//	aws apigateway create-api-key --name my-api-key --enabled \
//	    --endpoint-url http://127.0.0.1:8081 --region us-east-1
//
// With -plans FILE it applies plans, groups, keys and links that a file declares: see
// docs/declared-plans.md. The gateway stores keys, plans and counters in memory, in a
// SQLite file, in PostgreSQL or in Redis. Several gateways can share a store. Without an
// upstream the gateway answers requests itself, with what it knows of the request. It
// prints one line when it is ready, and drains on SIGTERM. See
// docs/from-aws-usage-plans.md for a tour.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/ration-go/ration/examples/gateway/internal/stores"
)

const (
	// drainTime is how long requests in flight may take after the gateway is told to stop.
	drainTime = 10 * time.Second

	// readTime is how long an administrator's request may take to arrive. It is enough for
	// 10 MiB at 1.4 Mbit/s.
	readTime = time.Minute

	headerTime, idleTime = 10 * time.Second, 2 * time.Minute
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	switch err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); {
	case err == nil || errors.Is(err, flag.ErrHelp):
	case errors.Is(err, errPrinted):
		os.Exit(1)
	default:
		fmt.Fprintln(os.Stderr, "gateway:", err)
		os.Exit(1)
	}
}

// run runs the gateway until ctx is done.
func run(ctx context.Context, args []string, out, logs io.Writer) error {
	cfg, err := parse(args, logs)
	if err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(logs, nil))
	st, err := stores.Open(ctx, cfg.store, log)
	if err != nil {
		return fmt.Errorf("-store: %w", err)
	}
	gw, err := newGateway(cfg, st, log)
	if err != nil {
		return errors.Join(err, st.Close())
	}
	// The store's goroutine must outlive ctx: requests in flight still use the store.
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	var wg sync.WaitGroup
	if st.Run != nil {
		wg.Go(func() { st.Run(background) })
	}
	if err = gw.declare(ctx, cfg, log, func(follow func(context.Context)) { wg.Go(func() { follow(background) }) }); err == nil {
		err = gw.serve(ctx, cfg, out, log)
	}
	stop()
	wg.Wait()
	return errors.Join(err, gw.gate.Close(), st.Close())
}

// serve listens on all addresses and serves until ctx is done. The line that it prints
// has the ports that were chosen, for an address such as 127.0.0.1:0.
func (gw *gateway) serve(ctx context.Context, cfg config, out io.Writer, log *slog.Logger) error {
	planes, err := gw.listen(cfg, log)
	if err != nil {
		return err
	}
	line := "gateway: ready:"
	for _, p := range planes {
		line += fmt.Sprintf(" %s http://%s", p.name, p.listener.Addr())
	}
	fmt.Fprintln(out, line)
	return serve(ctx, log, func(ended chan error) { gw.health.leave(cfg.leave, ended) }, planes...)
}

// A plane is an address and what is served there.
type plane struct {
	name     string
	listener net.Listener
	server   *http.Server
}

// listen listens on the address of each plane. The data plane comes first, and so drains
// first: meanwhile the others say that the gateway drains.
func (gw *gateway) listen(cfg config, log *slog.Logger) (planes []plane, err error) {
	data, control := gw.servers(log)
	planes = []plane{{"data", nil, data}, {"control", nil, control}}
	addresses := []string{cfg.data, cfg.control}
	if cfg.health != "" && cfg.health != noHealth {
		planes = append(planes, plane{"health", nil, newServer(gw.health, headerTime, log)})
		addresses = append(addresses, cfg.health)
	}
	for i, address := range addresses {
		p := &planes[i]
		if p.listener, err = net.Listen("tcp", address); err != nil {
			err = fmt.Errorf("-%s: %w", p.name, err)
			for _, open := range planes[:i] {
				err = errors.Join(err, open.listener.Close())
			}
			return nil, err
		}
	}
	return planes, nil
}

// servers returns a server for each plane. The data plane has no ReadTimeout, since
// uploads to the upstream may take long. The control plane has one, because it reads
// bodies into memory before it knows their sender.
func (gw *gateway) servers(log *slog.Logger) (data, control *http.Server) {
	return newServer(gw.data, 0, log), newServer(gw.control, readTime, log)
}

// serve runs all planes until ctx is done or one of them fails. Then it drains them. It
// calls leave first, unless one has failed.
func serve(ctx context.Context, log *slog.Logger, leave func(ended chan error), planes ...plane) error {
	ended := make(chan error, len(planes))
	for _, p := range planes {
		go func() { ended <- p.server.Serve(p.listener) }()
	}
	select {
	case <-ctx.Done():
		leave(ended)
	case err := <-ended:
		ended <- err // put back for the loop below
	}
	drain(context.WithoutCancel(ctx), planes, log)
	var errs []error
	for range planes {
		if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// drain waits for the requests in flight, plane by plane, and closes the connections of
// those that take longer than drainTime.
func drain(ctx context.Context, planes []plane, log *slog.Logger) {
	ctx, cancel := context.WithTimeout(ctx, drainTime)
	defer cancel()
	for _, p := range planes {
		if err := p.server.Shutdown(ctx); err != nil {
			log.Warn("gateway: requests did not finish in time and were closed", "plane", p.name, "error", errors.Join(err, p.server.Close()))
		}
	}
}

// newServer returns a server whose ReadTimeout, which includes the body, is read. If read
// is 0, there is no such timeout.
func newServer(h http.Handler, read time.Duration, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler: h, ReadHeaderTimeout: headerTime, ReadTimeout: read, IdleTimeout: idleTime,
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelError),
	}
}
