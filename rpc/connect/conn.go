package rationconnect

import (
	"connectrpc.com/connect"

	"github.com/ration-go/ration/rpc"
)

// conn is the stream of a handler. It charges messages.
type conn struct {
	connect.StreamingHandlerConn
	session *rpc.Session
}

// Receive implements connect.StreamingHandlerConn.
func (c *conn) Receive(message any) error {
	if refused := c.session.Refused(); refused != nil {
		return errorOf(refused, c.Peer())
	}
	if err := c.StreamingHandlerConn.Receive(message); err != nil {
		return err
	}
	return c.charge(message, false)
}

// Send implements connect.StreamingHandlerConn. A nil message only sends the header.
func (c *conn) Send(message any) error {
	if message != nil {
		if err := c.charge(message, true); err != nil {
			return err
		}
	}
	return c.StreamingHandlerConn.Send(message)
}

func (c *conn) charge(message any, sent bool) error {
	if refused := c.session.Message(message, sent); refused != nil {
		return errorOf(refused, c.Peer())
	}
	return nil
}
