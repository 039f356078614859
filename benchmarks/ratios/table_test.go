package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// process returns what a test binary prints, with the nanoseconds of ration and
// throttled.
func process(ration, throttled string) string {
	return `goos: linux
cpu: Some Processor 3000
BenchmarkThrottle/impl=ration/keys=hot         	 1000	 ` + ration + ` ns/op	 0 B/op	 0 allocs/op
BenchmarkThrottle/impl=xtime/keys=hot          	 1000	 300 ns/op
BenchmarkThrottle/impl=xtime/keys=hot          	 1000	 200 ns/op
BenchmarkThrottle/impl=xtime/keys=hot          	 1000	 400 ns/op
BenchmarkThrottle/impl=go-limiter/keys=hot     	 1000	 50.0 ns/op
BenchmarkThrottle/impl=throttled/keys=hot      	 1000	 ` + throttled + ` ns/op
BenchmarkThrottle/impl=ration/keys=hot-2       	 1000	 80 ns/op
BenchmarkThrottle/impl=xtime/keys=hot-2        	 1000	 40 ns/op
BenchmarkFloor/keys=hot-2                      	 1000	 30 ns/op
BenchmarkAdmit/keys=hot-2                      	 1000	 60 ns/op
PASS
`
}

func TestTable(t *testing.T) {
	for name, test := range map[string]struct{ ours, want string }{
		"ratios are formed within a process": {"ration", `
| what | processors | ration, ns | to the fastest exact peer (lowest, highest) | to xtime | to throttled | to go-limiter |
| --- | --- | --- | --- | --- | --- | --- |
| Throttle keys=hot | 1 | 100.0 | **0.60** (0.50, 1.00) | 0.50 | 0.60 | 2.00 |
| Throttle keys=hot | 2 | 80.0 | **2.00** (2.00, 2.00) | 2.00 | none | none |

Not token buckets: go-limiter.
`},
		"names without an implementation": {"Admit", `
| what | processors | Admit, ns | to the fastest exact peer (lowest, highest) | to Floor |
| --- | --- | --- | --- | --- |
| keys=hot | 2 | 60.0 | **none** (none, none) | 2.00 |
`},
	} {
		t.Run(name, func(t *testing.T) {
			var text strings.Builder
			runs := []run{parse(process("100", "100")), parse(process("90", "150")), parse(process("100", "250.0"))}
			require.NoError(t, table(&text, runs, test.ours))
			require.Equal(t, test.want, "\n"+text.String())
			require.Equal(t, "Some Processor 3000", runs[0].machine)
		})
	}
	require.Error(t, table(&strings.Builder{}, []run{parse(process("1", "1"))}, "nobody"))
}
