// Package codeblocks compiles the Go blocks of Markdown pages. Tests use it.
//
// A block begins with ```go and is one of three things:
//
//   - A file. It begins with a package clause and is compiled as it is.
//   - Declarations, such as functions and types.
//   - Statements. They become the body of a function.
//
// Declarations and statements need no imports: a package of this module, and a package of
// the standard library that the pages use, is imported where its name stands before a
// dot. A variable ctx is declared for them. Statements need not use the variables that
// they declare at their outermost level.
//
// An HTML comment directly before the block says what else the block needs. GitHub does
// not show it. Its text begins with "go:", and each of its lines is one of these:
//
//	func(w http.ResponseWriter) error    the function whose body the statements are; default func()
//	import "github.com/x/y"              an import of the block
//	in benchmarks                        compile in the nested module of this directory
//
// All other lines are declarations that are compiled beside the block. For example:
//
//	<!-- go: func(r *ration.Ration) error
//	var next http.Handler -->
//
// The test of the main module compiles the blocks that name no nested module. A nested
// module that is named has a test of its own that calls [Compile].
package codeblocks
