// Command llm meters a service that sells a language model. Organisations, teams and keys
// have limits in requests, tokens and money. A request is charged an estimate, streams
// its answer, and is then settled to what it used:
//
//	go run ./examples/llm -serve 127.0.0.1:8080
//	go run ./examples/llm -check
//
// The model is a stub, which keeps an invoice. With -check, clients of three keys use the
// service over real connections: they read streams to the end, hang up in the middle,
// send nonsense, meet a model that fails, and use up their limits. The command exits with
// 0 only if the reports and the quotas of every key, team and organisation agree with the
// invoice.
//
// docs/llm-api.md explains the code.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"net/http"
	"os"
	"time"

	"github.com/ration-go/ration/store/memory"
)

func main() {
	address := flag.String("serve", "127.0.0.1:8080", "serve on this `address`, with a key to try")
	checking := flag.Bool("check", false, "check every count, and exit")
	flag.Parse()
	run := func() error { return serve(context.Background(), *address) }
	if *checking {
		run = func() error { return check(context.Background(), os.Stdout) }
	}
	if err := run(); err != nil {
		log.Fatal(err)
	}
}

// serve serves until it fails. It prints how to use the service.
func serve(ctx context.Context, address string) error {
	s, err := newService(ctx, memory.New(memory.Config{}), &model{pause: 50 * time.Millisecond})
	if err != nil {
		return err
	}
	defer s.Close()
	secret, err := s.newKey(ctx, "chatbot", "acme-help")
	if err != nil {
		return err
	}
	fmt.Printf("curl -iN -H 'X-API-Key: %s' -d '{\"prompt\": \"to be or not to be\"}' http://%s/completions\n", string(secret), address)
	fmt.Printf("curl -H 'X-API-Key: %s' http://%s/usage\n", string(secret), address)
	server := http.Server{Addr: address, Handler: s.handler(), ReadHeaderTimeout: 5 * time.Second}
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
