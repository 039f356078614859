package apikey_test

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/internal/leak"
	"github.com/ration-go/ration/store/memory"
)

// aead is a Seal with its key in an exported field.
type aead struct {
	cipher.AEAD
	Key []byte
}

// TestNothingShowsASecret prints every exported struct, and looks in the output for the
// secret of a key and for the key of the Seal.
func TestNothingShowsASecret(t *testing.T) {
	master := []byte("hunter2passhunter2passhunter2pas")
	block, err := aes.NewCipher(master)
	require.NoError(t, err)
	gcm, err := cipher.NewGCM(block)
	require.NoError(t, err)
	config := apikey.Config{KeyFormat: apikey.Format{Prefix: "acme"}, Seal: &aead{gcm, master}}
	service := must(apikey.NewService(memory.New(memory.Config{}), config))
	key, secret, err := service.Create(t.Context(), apikey.Key{Name: "n", Enabled: true})
	require.NoError(t, err)
	plain := apikey.Config{KeyFormat: apikey.Format{Prefix: "acme"}, Seal: gcm}
	values := map[string]any{
		"Key": key, "Key by pointer": &key, "Filter": apikey.Filter{NamePrefix: "n"}, "Format": apikey.Format{Prefix: "acme"},
		"TagKeys": must(apikey.NewTagKeys(master)), "Format with TagKeys": apikey.Format{TagKeys: must(apikey.NewTagKeys(master))},
		"Config": config, "Config by pointer": &config, "Config with AES": plain,
		"Service": service, "Service with AES": must(apikey.NewService(memory.New(memory.Config{}), plain)),
		"Reminder": apikey.Reminder{ID: "k/rotate", Key: key}, "ReminderConfig": apikey.ReminderConfig{MaxAge: 1},
		"Service in a struct": struct{ s *apikey.Service }{service},
	}
	leak.Complete(t, values)
	leak.Check(t, string(secret)[5:37], values)
	leak.Check(t, string(master), values)
	words := fmt.Sprint(binary.LittleEndian.Uint32(master), " ", binary.LittleEndian.Uint32(master[4:])) // crypto/aes holds the key as words
	leak.Check(t, words, values)
}
