package apigateway

import (
	"fmt"
	"io"
)

// String returns the name of the type.
func (h *Handler) String() string { return "apigateway.Handler" }

// Format writes the result of String for every verb. By default, fmt would read the
// fields without their locks and could print a secret of a store.
func (h *Handler) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, h.String()) }
