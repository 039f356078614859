package leak_test

import (
	"context"
	"fmt"
	"net/http"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/apikey/leak"
	"github.com/ration-go/ration/store/memory"
)

func Example() {
	format := apikey.Format{Prefix: "acme_live"}
	keys := must(apikey.NewService(memory.New(memory.Config{}), apikey.Config{KeyFormat: format}))

	reports, err := leak.New(keys, leak.Config{
		Decide: func(_ context.Context, l leak.Leak) leak.Action {
			if l.Key.Tags["publishable"] == "yes" { // it is in web pages anyway
				return leak.Tell
			}
			return leak.Revoke
		},
		OnLeak: func(_ context.Context, l leak.Leak) error {
			fmt.Println("mail to", l.Key.CustomerID, "about", l.URL) // once for each l.ID
			return nil
		},
	})
	if err != nil {
		panic(err)
	}
	mux := http.NewServeMux()
	mux.Handle("POST /secret-scanning", reports)

	fmt.Println(format.Pattern()) // for GitHub
	// Output: acme_live_[0-9A-Za-z]{38}
}

func ExampleGitleaks() {
	fmt.Print(leak.Gitleaks(apikey.Format{Prefix: "acme_live"}, "acme-api-key"))
	// Output:
	// [[rules]]
	// id = "acme-api-key"
	// description = "API key (acme-api-key)"
	// regex = '''(acme_live_[0-9A-Za-z]{38})(?:[^0-9A-Za-z]|$)'''
	// secretGroup = 1
	// entropy = 3
	// keywords = ["acme_live_"]
}
