package client_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/ration-go/ration/client"
	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/middleware"
	"github.com/ration-go/ration/store/memory"
)

// A client that sends more than its limit is slowed down, and sees no refusal.
func Example() {
	// The server: 100 requests a second for each key.
	lim, err := limiter.New(memory.New(memory.Config{}), limiter.MustParse("100/s burst 5"), limiter.Config{})
	if err != nil {
		panic(err)
	}
	byKey, err := middleware.LimitBy(lim, middleware.ByKey(func(r *http.Request) string {
		return r.Header.Get("X-Api-Key")
	}), middleware.LimitConfig{})
	if err != nil {
		panic(err)
	}
	server := httptest.NewServer(byKey(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {})))
	defer server.Close()

	// The client.
	transport, err := client.New(nil, client.Config{
		Key: "acme_example_key",
		// Plain HTTP is allowed, because this is a loopback address.
		Host: strings.TrimPrefix(server.URL, "http://"),
	})
	if err != nil {
		panic(err)
	}
	c := &http.Client{Transport: transport}
	defer c.CloseIdleConnections()

	counts := map[int]int{}
	for range 20 {
		resp, err := c.Get(server.URL)
		if err != nil {
			panic(err)
		}
		resp.Body.Close()
		counts[resp.StatusCode]++
	}
	fmt.Println(counts)
	// Output: map[200:20]
}

// A request that would have to wait for too long fails at once, and the error says for
// how long.
func ExampleWaitError() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("RateLimit", `"day";r=0;t=36000`)
	}))
	defer server.Close()
	transport, err := client.New(nil, client.Config{})
	if err != nil {
		panic(err)
	}
	c := &http.Client{Transport: transport}
	defer c.CloseIdleConnections()
	for range 2 {
		resp, err := c.Get(server.URL)
		if wait, ok := errors.AsType[*client.WaitError](err); ok {
			fmt.Printf("come back in %.0f hours\n", wait.Wait.Hours())
			continue
		}
		if err != nil {
			panic(err)
		}
		resp.Body.Close()
		fmt.Println(resp.StatusCode)
	}
	// Output:
	// 200
	// come back in 10 hours
}
