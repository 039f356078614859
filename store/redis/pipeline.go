package redis

import "github.com/redis/rueidis"

// pipeline sends a command for each decision of b, all of them before the first reply. A
// server that has not seen the scripts runs none of the commands. It then gets them again
// with the text of the scripts.
//
// With 256 callers a decision takes 0.7 of the time that it takes in a call of its own,
// because each call wakes goroutines of the client.
func (b *batch) pipeline() error {
	err := b.send(b.waiters, (*link).evalSHA)
	var unseen []*waiter
	for _, w := range b.waiters {
		if errorCode(w.err) == "NOSCRIPT" {
			unseen = append(unseen, w)
		}
	}
	if len(unseen) == 0 || b.ctx.Err() != nil {
		return err
	}
	return b.send(unseen, (*link).eval)
}

// send sends the decisions of some waiters, and takes their replies. It returns an error
// if a reply did not come.
func (b *batch) send(waiters []*waiter, command func(l *link, sc *script, keys, args []string) rueidis.Completed) (err error) {
	b.commands = b.commands[:0]
	for _, w := range waiters {
		b.commands = append(b.commands, b.command(&w.request, command))
	}
	for i, result := range b.link.client.DoMulti(b.ctx, b.commands...) {
		w := waiters[i]
		w.reply, w.err = whole(&w.request, result)
		if lost := result.NonRedisError(); lost != nil {
			err = lost
		}
	}
	if err != nil {
		b.commands = nil // the client may still hold it
	}
	return err
}

// command returns the command for one decision.
func (b *batch) command(r *request, command func(l *link, sc *script, keys, args []string) rueidis.Completed) rueidis.Completed {
	if r.parts == 1 {
		key, args := [1]string{r.key()}, r.args()
		return command(b.link, &b.scripts.one, key[:], args[:])
	}
	b.payload.reset()
	b.payload.add(r)
	keys, args := b.payload.call()
	return command(b.link, &b.scripts.many, keys, args)
}
