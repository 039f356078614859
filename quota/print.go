package quota

import (
	"fmt"
	"io"
)

// String returns the name of the type.
func (c *Counter) String() string { return "quota.Counter" }

// Format prints String for every verb. The default formatting would read the fields
// without synchronization and could print a secret of the store.
func (c *Counter) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, c.String()) }
