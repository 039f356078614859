package longtest

import (
	"flag"
	"strconv"
)

// Parallel lets n tests that call t.Parallel run at once, unless the command line has a
// -parallel. The TestMain of a package calls it if the tests mostly wait for a server or
// for time to pass. The default of go test is the number of cores, which suits tests
// that compute.
func Parallel(n int) {
	flag.Parse()
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == parallelFlag })
	if given {
		return
	}
	if err := flag.Set(parallelFlag, strconv.Itoa(n)); err != nil {
		panic(err)
	}
}

const parallelFlag = "test.parallel"
