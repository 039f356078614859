// Package keyfile reads API key files, the CSV files that Amazon API Gateway imports, and
// imports their keys and links.
//
// [Parse] yields the rows of a file. [Import] makes or changes a key for each row and
// links it to its usage plans:
//
//	result, err := keyfile.Import(ctx, keys, plans, keyfile.Parse(file), false)
package keyfile
