package admin_test

import (
	"crypto/subtle"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"

	"github.com/ration-go/ration"
	"github.com/ration-go/ration/admin"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/history"
	"github.com/ration-go/ration/observe"
	"github.com/ration-go/ration/store/memory"
)

// The page is mounted below its prefix. Counts and a History are optional, and belong to
// the services as well: the Gate tells the Counts, and the services tell the History.
func Example() {
	counts := observe.NewCounts(observe.CountsConfig{})
	changes := ration.Must(history.New(history.NewMemory(history.Bounds{}), history.Config{}))
	r := ration.Must(ration.New(memory.New(memory.Config{}), ration.Config{History: changes, Gate: gate.Config{Observer: counts}}))

	people := ration.Must(admin.NewBasic(map[string]string{"ada": "from your configuration"}, admin.BasicConfig{}))
	page := ration.Must(admin.New(r.Keys, r.Plans, r.Groups, r.Gate, people, admin.Config{Counts: counts, History: changes}))
	mux := http.NewServeMux()
	mux.Handle("/usage", page)
	mux.Handle("/usage/", page)

	server := httptest.NewServer(mux)
	defer server.Close()
	for _, password := range []string{"", "from your configuration"} {
		req, err := http.NewRequest("GET", server.URL+"/usage", nil)
		if err != nil {
			log.Fatal(err)
		}
		if password != "" {
			req.SetBasicAuth("ada", password)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			log.Fatal(err)
		}
		resp.Body.Close()
		fmt.Println(resp.Status)
	}
	// Output:
	// 401 Unauthorized
	// 200 OK
}

// A proxy that signs people in, such as oauth2-proxy, tells their names in a header
// field. The page must be reached through the proxy only, which sets or removes the
// field. Here the page also wants a secret that only the proxy has.
func ExampleAuthFunc() {
	const fromProxy = "a secret from your configuration"
	people := admin.AuthFunc(func(r *http.Request) (actor string, ok bool) {
		actor = r.Header.Get("X-Forwarded-Email")
		secret := r.Header.Get("X-Proxy-Secret")
		return actor, actor != "" && subtle.ConstantTimeCompare([]byte(secret), []byte(fromProxy)) == 1
	})
	r := httptest.NewRequest("GET", "/usage", nil)
	r.Header.Set("X-Forwarded-Email", "ada@example.com")
	fmt.Println(people.Authenticate(r))
	r.Header.Set("X-Proxy-Secret", fromProxy)
	fmt.Println(people.Authenticate(r))
	// Output:
	// ada@example.com false
	// ada@example.com true
}
