package handlertest

import (
	"fmt"
	"net/http"

	"github.com/ration-go/ration/middleware"
)

// hello greets the key of the request.
func hello(w http.ResponseWriter, r *http.Request) {
	key, ok := middleware.KeyFromContext(r.Context())
	if !ok {
		http.Error(w, "no key", http.StatusInternalServerError)
		return
	}
	fmt.Fprint(w, "hello ", key.Name)
}
