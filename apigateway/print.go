package apigateway

import (
	"fmt"
	"io"
)

// String is the name of the type.
func (h *Handler) String() string { return "apigateway.Handler" }

// Format prints String, whatever the verb. What fmt would print is read without locks,
// and may be a secret of a store.
func (h *Handler) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, h.String()) }
