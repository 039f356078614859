// Package postgres keeps keys, plans, groups, links and counters in PostgreSQL, version
// 14 or newer. A Store may also keep a part of them, beside counters in Redis.
//
//	pool, err := pgxpool.New(ctx, "postgres://service@db.example/ration")
//	...
//	s, err := postgres.New(pool, postgres.Config{})
//	...
//	err = s.Migrate(ctx) // when a service starts, or by other means: see Migrations
//
// # Decisions
//
// A decision is one round trip: a call of the function ration_take, which is one
// transaction. It locks the row of each subject that may change, in the order of their
// names, so decisions do not wait for each other in a circle. Charges that come while
// others are in flight wait, and the next call carries all of them. So a hot subject does
// not pay for a commit, and for the wait for its row, with each decision. There is no
// timer: a charge that finds no other in flight is sent at once.
//
// Buckets refill by the clock of the server, and windows go by the clock of the caller.
//
// A refusal changes nothing and does not wait for the disk. A charge that was answered is
// on the disk, unless the server has fsync or synchronous_commit off. [Store.Check] finds
// that out, and other settings that do not suit quotas.
//
// # Errors
//
// An error wraps store.ErrNotTaken if the transaction certainly did not commit: if no
// connection was to be had, if the server refused the statement or rolled it back, such
// as after a deadlock with somebody else's transaction, and if the session was ended
// while the statement ran. Otherwise the charge may have happened: the connection was cut
// or ctx has ended after the statement was sent.
//
// If a row of one subject is damaged, only charges of that subject fail.
//
// # Connections
//
// A Store uses up to Config.Calls connections of the pool for decisions, and one for each
// Peek, Move and Prune in progress. A pool for keys, plans and counters has a few more
// connections than Calls.
//
// A Store works through a PgBouncer in transaction mode. Its statements are unnamed, and
// nothing it does lasts longer than a transaction. Queries that a service makes by itself
// through the same pool need default_query_exec_mode=exec in the connection string,
// unless PgBouncer is 1.21 or newer and has max_prepared_statements. Settings such as
// search_path are refused by PgBouncer: set them for the role (ALTER ROLE ... SET). To
// LISTEN, a session needs a direct connection.
//
// The transactions must be "read committed", which is PostgreSQL's default. With another
// default_transaction_isolation every charge fails.
//
// # Changes
//
// [Store.Run] hears of the changes that other processes and people make to keys, plans,
// groups and links. It LISTENs on a connection of its own: see Config.Listen. Triggers
// report each change, so an UPDATE by hand is in force at once, too.
//
// # Schema
//
// The tables are in the first schema of the search_path. The encoding of the database is
// UTF8. A role that charges needs USAGE on the schema, and SELECT, INSERT, UPDATE and
// DELETE on the tables; one that calls Migrate needs CREATE.
//
//	ration_subjects  subject, moved_to, closed_until
//	ration_buckets   subject, name, tokens, part, per, updated, full_by
//	ration_windows   subject, name, start, ends, used, extra, last_span, kept_until
//	ration_keys      the keys, and in ration_digests the digests of their secrets
//	ration_plans     the plans
//	ration_groups    the groups
//	ration_links     which key has which plan
//	ration_history   who changed which of these, if a service records it
//	ration_schema    version, name, applied
//
// Each subject, bucket and window has one row. In ration_subjects a row is what decisions
// lock, and it says where a closed subject has moved. Times are in Unix seconds, and
// updated in microseconds. The views ration_windows_readable and ration_buckets_readable
// have timestamps instead:
//
//	SELECT subject, used, ends FROM ration_windows_readable
//	    WHERE name = 'requests/month' AND ends > now() ORDER BY used DESC;
//
// Subjects and names are text, so that they can be read and joined. The three kinds of
// bytes that would not do are written as a backslash and two hexadecimal digits: a NUL, a
// byte that is not UTF-8, and a backslash.
//
// People may change the tables. What a subject has used is forgotten by
// DELETE FROM ration_subjects WHERE subject = ..., which deletes its buckets and windows,
// too. Constraints refuse values that cannot be. A change in a transaction that first
// locks the row of ration_subjects is never mixed with a charge.
//
// Rows that are of no use stay until somebody calls [Store.Prune].
package postgres
