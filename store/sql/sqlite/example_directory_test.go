package sqlite_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"

	"github.com/ration-go/ration"
	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/store/sql/sqlite"
	"github.com/ration-go/ration/usageplan"
)

// A service has its keys, plans and counters in one file. A tool of its administrators
// disables a key meanwhile.
func ExampleStore_Run() {
	dir, err := os.MkdirTemp("", "service")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	path := filepath.Join(dir, "ration.db")

	st, err := sqlite.Open(path, sqlite.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer st.Close()
	if err := st.Migrate(ctx); err != nil {
		log.Fatal(err)
	}
	r, err := ration.New(st, ration.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer r.Close()
	secret := annWithTwoRequests(ctx, r)

	changed := make(chan string, 10)
	defer st.OnChange(func(id string) { changed <- id })()
	go st.Run(ctx)
	<-changed // "" from OnChange
	<-changed // "" from Run, which hears of changes now
	h := r.Handler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	get := func() {
		req := httptest.NewRequestWithContext(ctx, "GET", "/", nil)
		req.Header.Set("X-API-Key", string(secret))
		w := httptest.NewRecorder()
		h.ServeHTTP(w, req)
		fmt.Println(w.Code)
	}
	for range 3 {
		get()
	}

	tool, err := sqlite.Open(path, sqlite.Config{}) // in another process
	if err != nil {
		log.Fatal(err)
	}
	defer tool.Close()
	k, err := tool.Key(ctx, "ann")
	if err != nil {
		log.Fatal(err)
	}
	k.Enabled = false
	if err := tool.UpdateKey(ctx, k); err != nil {
		log.Fatal(err)
	}
	fmt.Println(<-changed)
	get()
	// Output:
	// 200
	// 200
	// 429
	// ann
	// 401
}

// annWithTwoRequests creates a key that may make two requests a year.
func annWithTwoRequests(ctx context.Context, r *ration.Ration) apikey.Secret {
	_, err := r.Plans.Create(ctx, usageplan.Plan{ID: "free", Quotas: []quota.Quota{{Limit: 2, Period: quota.Year}}})
	if err != nil {
		log.Fatal(err)
	}
	_, secret, err := r.Keys.Create(ctx, apikey.Key{ID: "ann", Enabled: true})
	if err != nil {
		log.Fatal(err)
	}
	if err := r.Plans.Link(ctx, "free", "ann"); err != nil {
		log.Fatal(err)
	}
	return secret
}
