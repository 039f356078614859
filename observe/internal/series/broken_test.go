package series_test

import (
	"context"
	"fmt"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/usageplan"
)

// broken is a store whose keys cannot be read while it is broken.
type broken struct {
	*memory.Store
	broken bool
}

func (b *broken) AccessByDigest(ctx context.Context, d apikey.Digest) (usageplan.Access, error) {
	if b.broken {
		return usageplan.Access{}, fmt.Errorf("%w: broken", store.ErrDenied)
	}
	return b.Store.AccessByDigest(ctx, d)
}
