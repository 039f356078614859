// Package directory keeps keys, plans, groups and links in a SQL database. It has the
// methods that package sqlite and package postgres share, and imports no driver.
//
// Each kind of record has a table. A record is one row, and a change of it is one
// statement. Triggers of the table do the rest within that statement: they keep
// ration_digests, which finds a key by a digest, and they say which record has changed.
// So a row that is changed by hand is found and reported, too.
package directory
