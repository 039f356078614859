// Package benchmarks measures Ration beside the libraries that do the same work, each built as its own README shows. It is
// a module of its own, so that nobody who uses Ration downloads them.
//
//	go test -run '^$' -bench . -cpu 1,2 -count 10   # all of them, for benchstat
//	go run ./ratios                                 # Ration beside its peers, as ratios
//	go test -run TestBytes -v                       # memory
//
// A benchmark asks for decisions through what the library offers to code that has a key in its hand. What is asked for is
// there before the clock starts, is the same for all, and is checked: how many decisions were admitted, and about how many
// keys. The doc comment of each benchmark says what it measures; the constructors say where a peer needed a choice.
//
// One run is no evidence where there are many keys: their place in memory moves the times of whole processes by more than
// what is to be told apart. So ratios forms each ratio within a process, and takes the median of several.
package benchmarks
