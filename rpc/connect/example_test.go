package rationconnect_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/ration-go/ration"
	"github.com/ration-go/ration/middleware"
	"github.com/ration-go/ration/rpc"
	"github.com/ration-go/ration/rpc/connect"
	"github.com/ration-go/ration/store/memory"
)

// A service whose clients have two calls a year. Its handler knows which key calls.
func Example() {
	ctx := context.Background()
	r := ration.Must(ration.New(memory.New(memory.Config{}), ration.Config{}))
	defer r.Close()
	ration.Must(r.Plan(ctx, "free", "unlimited", "2/year"))
	_, secret, err := r.Issue(ctx, "free", "my-client")
	if err != nil {
		panic(err)
	}

	const greet = "/greet.v1.Greeter/Greet"
	limits := ration.Must(rationconnect.New(r.Gate, rpc.Config{}))
	mux := http.NewServeMux()
	mux.Handle(greet, connect.NewUnaryHandler(greet,
		func(ctx context.Context, req *connect.Request[wrapperspb.StringValue]) (*connect.Response[wrapperspb.StringValue], error) {
			key, _ := middleware.KeyFromContext(ctx)
			return connect.NewResponse(wrapperspb.String("Hello, " + key.Name)), nil
		},
		connect.WithRequestGate(limits.Gate), connect.WithInterceptors(limits), connect.WithReadMaxBytes(1<<20)))
	server := httptest.NewServer(mux)
	defer server.Close()

	client := connect.NewClient[wrapperspb.StringValue, wrapperspb.StringValue](server.Client(), server.URL+greet)
	for range 3 {
		req := connect.NewRequest(wrapperspb.String(""))
		req.Header().Set("X-API-Key", string(secret))
		resp, err := client.CallUnary(ctx, req)
		if err != nil {
			fmt.Println(connect.CodeOf(err))
			continue
		}
		fmt.Println(resp.Msg.Value)
	}
	// Output:
	// Hello, my-client
	// Hello, my-client
	// resource_exhausted
}
