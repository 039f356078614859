package rpc

import (
	"fmt"
	"io"
)

// String returns the name of the type and the Method.
func (c Call) String() string { return "rpc.Call " + c.Method }

// Format prints String, whatever the verb.
//
// Security: without it, fmt would print the metadata with the credential.
func (c Call) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, c.String()) }

// String returns the name of the type and the method of the call.
func (s *Session) String() string { return "rpc.Session " + s.call.Method }

// Format prints String, as that of a Call does.
func (s *Session) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.String()) }

// String returns the name of the type.
func (e *Enforcer) String() string { return "rpc.Enforcer" }

// Format prints String, whatever the verb. Otherwise fmt would read the fields of the
// Gate without their locks.
func (e *Enforcer) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, e.String()) }
