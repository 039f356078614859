// Command quickstart protects a small service and shows what a client sees. It sends 15
// requests against a burst of 10 over real connections, and leaves the server up if it is
// given an address:
//
//	go run ./examples/quickstart
//	go run ./examples/quickstart -serve 127.0.0.1:8080
package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"github.com/ration-go/ration"
	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/middleware"
	"github.com/ration-go/ration/store/memory"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
)

func main() {
	serve := flag.String("serve", "", "leave a server up on this `address`, with a key to try")
	flag.Parse()
	handler, secret, err := protect(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	if *serve != "" {
		fmt.Printf("curl -i -H 'X-API-Key: %s' http://%s/pets/1\n", string(secret), *serve)
		fmt.Printf("curl -H 'X-API-Key: %s' 'http://%s/usage/me?cost=5'\n", string(secret), *serve)
		log.Fatal(http.ListenAndServe(*serve, handler))
	}
	if err := show(os.Stdout, handler, secret); err != nil {
		log.Fatal(err)
	}
}

// protect returns a service that only keys may use, and a key.
func protect(ctx context.Context) (http.Handler, apikey.Secret, error) {
	r, err := ration.New(memory.New(memory.Config{}), ration.Config{})
	if err != nil {
		return nil, "", err
	}
	plan, err := r.Plan(ctx, "free", "1/m burst 10", "1000/day")
	if err != nil {
		return nil, "", err
	}
	_, secret, err := r.Issue(ctx, plan.ID, "my-client")
	if err != nil {
		return nil, "", err
	}
	usage, err := r.Middleware.Usage(middleware.UsageConfig{})
	if err != nil {
		return nil, "", err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /pets/{id}", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintln(w, "pet", r.PathValue("id"))
	})
	outer := http.NewServeMux()
	outer.Handle("/", r.Handler(mux))
	outer.Handle("/usage/me", usage) // what a client has used; it is charged nothing
	return outer, secret, nil
}

// show sends requests and prints how they were answered.
func show(out io.Writer, handler http.Handler, secret apikey.Secret) error {
	server := httptest.NewServer(handler)
	defer server.Close()
	for i := range 15 {
		req, err := http.NewRequest(http.MethodGet, fmt.Sprintf("%s/pets/%d", server.URL, i), nil)
		if err != nil {
			return err
		}
		req.Header.Set("X-API-Key", string(secret))
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return err
		}
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			return err
		}
		resp.Body.Close()
		fmt.Fprintf(out, "%s  %s  %s\n", resp.Status, resp.Header.Get("RateLimit"), bytes.TrimSpace(body))
	}
	return nil
}
