// Command ratios compares one implementation with others. It runs benchmarks of the
// module in several processes, forms ratios within each process, and prints their medians
// as a Markdown table.
//
//	go run ./ratios                                     # ration beside its peers, in memory
//	go run ./ratios -bench 'Admit|Floor' -ours Admit    # the whole decision beside its floor
//
// It does not compare times of different processes. The placement of memory pages, and
// other work on the machine, move them by more than the difference between
// implementations.
//
// With -rounds a process runs several rounds, and the fastest counts. On a processor
// whose sibling thread does other work, code takes up to twice its time, and not all code
// alike.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
)

func main() {
	log.SetFlags(0)
	processes := flag.Int("n", 5, "how many processes")
	bench := flag.String("bench", "Throttle", "which benchmarks, as go test takes it")
	benchtime := flag.String("benchtime", "500ms", "how long each, as go test takes it")
	cpu := flag.String("cpu", "1,2", "with how many processors each, as go test takes it")
	rounds := flag.Int("rounds", 1, "how many rounds of each in a process, of which the fastest counts")
	ours := flag.String("ours", "ration", "which implementation the others are compared with")
	flag.Parse()
	runs, err := measure(*processes, "-test.run=^$", "-test.bench="+*bench, "-test.benchtime="+*benchtime, "-test.cpu="+*cpu,
		"-test.count="+strconv.Itoa(*rounds))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s, %d processors, %s/%s, %s.\n", runs[0].machine, runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, runtime.Version())
	fmt.Printf("`go run ./ratios%s`\n\n", quoted(os.Args[1:]))
	if err := table(os.Stdout, runs, *ours); err != nil {
		log.Fatal(err)
	}
}

// quoted returns arguments as a shell takes them.
func quoted(args []string) (text string) {
	for _, arg := range args {
		if strings.ContainsAny(arg, "|()*?$&; ") {
			arg = "'" + arg + "'"
		}
		text += " " + arg
	}
	return text
}

// measure builds the benchmarks and runs them n times, one process after the other.
func measure(n int, args ...string) (runs []run, err error) {
	if n < 1 {
		return nil, fmt.Errorf("-n %d: want 1 or more", n)
	}
	dir, err := os.MkdirTemp("", "ratios")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	program := filepath.Join(dir, "benchmarks.test")
	if _, err := output("go", "test", "-c", "-o", program, "github.com/ration-go/ration/benchmarks"); err != nil {
		return nil, err
	}
	for range n {
		text, err := output(program, args...)
		if err != nil {
			return nil, fmt.Errorf("%w\n%s", err, text)
		}
		runs = append(runs, parse(text))
	}
	return runs, nil
}

func output(program string, args ...string) (string, error) {
	var text strings.Builder
	cmd := exec.Command(program, args...)
	cmd.Stdout, cmd.Stderr = io.MultiWriter(&text, os.Stderr), os.Stderr
	err := cmd.Run()
	return text.String(), err
}
