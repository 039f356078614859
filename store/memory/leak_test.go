package memory_test

import (
	"crypto/aes"
	"crypto/cipher"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/internal/leak"
	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/usageplan"
)

// TestFormatHidesContent prints a Store with keys, groups and subjects while it is used.
// The text shows none of them, and printing reads nothing that another goroutine writes.
func TestFormatHidesContent(t *testing.T) {
	s := memory.New(memory.Config{})
	block, err := aes.NewCipher(make([]byte, 32))
	require.NoError(t, err)
	seal, err := cipher.NewGCM(block)
	require.NoError(t, err)
	service := must(apikey.NewService(s, apikey.Config{Seal: seal}))
	key, secret, err := service.Create(t.Context(), apikey.Key{Name: "hunter2name"})
	require.NoError(t, err)
	require.NoError(t, s.InsertGroup(t.Context(), usageplan.Group{ID: "acme", Name: "hunter2group"}))
	var wg sync.WaitGroup
	wg.Go(func() {
		for range 2000 {
			c := &store.Charge{At: time.Now(), Parts: []store.Part{store.NewPart("hunter2subject", 1, store.Meter{Name: "m", Max: 1, Rate: store.Rate{Tokens: 1, Per: 1}})}}
			assert.NoError(t, s.Take(t.Context(), c))
		}
	})
	for how, text := range leak.Texts(s) {
		require.Less(t, len(text), 400, how)
	}
	wg.Wait()
	values := map[string]any{"Store": struct{ S *memory.Store }{s}, "Config": memory.Config{}, "Stats": s.Stats()}
	leak.Complete(t, values)
	for _, hidden := range []string{string(secret)[4:36], string(key.Sealed), "hunter2subject", "hunter2name", "hunter2group"} {
		leak.Check(t, hidden, values)
	}
}
