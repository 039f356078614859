// Package benchmarks measures Ration beside the libraries that do the same work, each built as its own README shows. It is
// a module of its own, so that nobody who uses Ration downloads them.
package benchmarks
