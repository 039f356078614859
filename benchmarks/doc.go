// Package benchmarks measures Ration beside the libraries that do the same work. Each
// peer is built as its own README shows. The package is a module of its own, so that
// users of Ration do not download the peers.
//
//	go test -run '^$' -bench . -cpu 1,2 -count 10   # all of them, for benchstat
//	go run ./ratios                                 # Ration beside its peers, as ratios
//	go run ./chart                                  # the chart of the README
//	go test -run TestBytes -v                       # memory
//
// A benchmark calls what each library offers to code that already has a key. All keys
// exist before the clock starts, and every implementation gets the same keys. Each
// benchmark checks how many decisions were admitted, and about how many keys. Its doc
// comment says what it measures. The constructors say where a peer needed a choice.
//
// With many keys one run is no evidence. The place of the keys in memory moves the times
// of a whole process by more than the difference between two libraries. So ratios forms
// each ratio within a process, and takes the median of several processes.
package benchmarks
