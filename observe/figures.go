package observe

// Busy says how many calls of a store are in flight, and how many callers wait for one.
// Stats of the stores have these figures. The Observers of observe/prometheus and
// observe/otel export them.
type Busy struct {
	// Charges are calls that decide or charge: Calls of store/redis, and Batches of the
	// databases. ChargesWaiting is Waiting of each of them.
	Charges, ChargesWaiting int

	// Reads are other calls: Commands of store/redis, and Reads of SQLite. ReadsWaiting is
	// CommandsWaiting and ReadsWaiting of these.
	Reads, ReadsWaiting int
}

// Logins counts logins to an admin page that failed. Stats of an admin.Basic returns
// them. The Observers of observe/prometheus and observe/otel export them.
type Logins struct {
	Wrong   int64 // a name or a password was wrong
	Refused int64 // the client had failed too often, and nothing was compared
}
