package redis

import "github.com/redis/rueidis"

// pipeline sends a command for each item, all of them before the first reply. A
// server that has not seen the scripts runs none of the commands. It then gets them again
// with the text of the scripts.
//
// With 256 callers a decision takes 0.7 of the time that it takes in a call of its own,
// because each call wakes goroutines of the client.
func (c *sender) pipeline(items []*item) error {
	err := c.send(items, (*link).evalSHA)
	var unseen []*item
	for _, item := range items {
		if errorCode(item.Err) == "NOSCRIPT" {
			unseen = append(unseen, item)
		}
	}
	if len(unseen) == 0 || c.ctx.Err() != nil {
		return err
	}
	return c.send(unseen, (*link).eval)
}

// send sends the decisions of some items, and takes their replies. It returns an error if
// a reply did not come.
func (c *sender) send(items []*item, command func(l *link, sc *script, keys, args []string) rueidis.Completed) (err error) {
	c.commands = c.commands[:0]
	for _, item := range items {
		c.commands = append(c.commands, c.command(&item.Request.request, command))
	}
	for i, result := range c.link.client.DoMulti(c.ctx, c.commands...) {
		item := items[i]
		item.Answer, item.Err = whole(&item.Request.request, result)
		if lost := result.NonRedisError(); lost != nil {
			err = lost
		}
	}
	if err != nil {
		c.commands = nil // the client may still hold it
	}
	return err
}

// command returns the command for one decision.
func (c *sender) command(r *request, command func(l *link, sc *script, keys, args []string) rueidis.Completed) rueidis.Completed {
	if r.parts == 1 {
		key, args := [1]string{r.key()}, r.args()
		return command(c.link, &c.scripts.one, key[:], args[:])
	}
	c.payload.reset()
	c.payload.add(r)
	keys, args := c.payload.call()
	return command(c.link, &c.scripts.many, keys, args)
}
