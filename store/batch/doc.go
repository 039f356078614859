// Package batch gathers the requests of concurrent callers into batches, for counter
// stores that pay for each decision with a transaction or a round trip. Many charges then
// share one.
//
// [Charges] is for authors of a [store.Counter]. They write one function that decides the
// charges of a batch one after the other, and get a Take that keeps the promises of the
// contract about callers that give up. [Queue] does the same for any other request.
//
// # When a batch begins
//
// There is no timer. A request that comes while fewer than Config.Calls batches are in
// flight begins at once, so a single caller waits no longer than without a queue. A
// request that comes later waits, and shares the next batch with all others that wait.
// Batches take requests in the order in which they came.
//
// Batches run on goroutines of the queue, so a caller whose ctx ends need not wait for a
// database that does not answer. A goroutine ends when no caller waits. A queue that is
// idle has none, and there is nothing to close.
//
// # Callers that give up
//
//	             begins                   ends
//	waiting ---------------> in a batch ---------> answered
//	   |                         |
//	ctx is done             ctx is done
//	   |                         |
//	   v                         v
//	store.ErrNotTaken       ctx.Err(): the batch goes on for the others,
//	and ctx.Err()           and the request may be carried out
//
// The batch's own ctx is done when all of its callers have given up.
package batch
