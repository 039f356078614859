package apikey_test

import (
	"context"
	"fmt"
	"time"

	"github.com/ration-go/ration/apikey"
)

func Example() {
	ctx := context.Background()
	st := newMapStore() // a Store, such as the one that memory.New returns
	keys := must(apikey.NewService(st, apikey.Config{KeyFormat: apikey.Format{Prefix: "acme"}}))

	key, secret, err := keys.Create(ctx, apikey.Key{Name: "my-api-key", Enabled: true})
	if err != nil {
		panic(err)
	}
	send(string(secret)) // to its owner, this once; printing secret shows only a hint
	fmt.Println(secret.String() == key.Hint)

	// Later a client presents the secret.
	found, err := keys.Verify(ctx, secret)
	fmt.Println(found.Name, err)
	// Output:
	// true
	// my-api-key <nil>
}

func ExampleService_Rotate() {
	ctx := context.Background()
	st := newMapStore()
	keys := must(apikey.NewService(st, apikey.Config{KeyFormat: apikey.Format{Prefix: "acme"}}))
	key, old, _ := keys.Create(ctx, apikey.Key{Name: "my-api-key", Enabled: true})

	key, fresh, err := keys.Rotate(ctx, key.ID, 24*time.Hour)
	if err != nil {
		panic(err)
	}
	now := time.Now()
	fmt.Println("fresh now:     ", key.Accepts(apikey.DigestOf(string(fresh)), now))
	fmt.Println("old now:       ", key.Accepts(apikey.DigestOf(string(old)), now))
	fmt.Println("fresh tomorrow:", key.Accepts(apikey.DigestOf(string(fresh)), now.Add(24*time.Hour)))
	fmt.Println("old tomorrow:  ", key.Accepts(apikey.DigestOf(string(old)), now.Add(24*time.Hour)))
	// Output:
	// fresh now:      <nil>
	// old now:        <nil>
	// fresh tomorrow: <nil>
	// old tomorrow:   apikey: not found
}

func ExampleFormat_Check() {
	format := apikey.Format{Prefix: "acme"}
	for _, s := range []string{
		"acme_0123456789abcdefghijABCDEFGHIJ011OB32S",
		"acme_0123456789abcdefghijABCDEFGHIJ011OB32Z",
		"other_0123456789abcdefghijABCDEFGHIJ011OB32S",
		"hello",
	} {
		fmt.Println(format.Check(s))
	}
	// Output:
	// <nil>
	// apikey: malformed secret: checksum
	// apikey: malformed secret: prefix
	// apikey: malformed secret: length
}

func ExampleService_All() {
	ctx := context.Background()
	keys := must(apikey.NewService(newMapStore(), apikey.Config{}))
	for _, name := range []string{"test-1", "live-1", "live-2"} {
		if _, _, err := keys.Create(ctx, apikey.Key{Name: name}); err != nil {
			panic(err)
		}
	}

	for key, err := range keys.All(ctx, apikey.Filter{NamePrefix: "live-"}) {
		if err != nil {
			panic(err)
		}
		fmt.Println(key.Name, key.Enabled)
	}
	// Unordered output:
	// live-2 false
	// live-1 false
}

func ExampleSecret() {
	secret := apikey.Secret("acme_0123456789abcdefghijABCDEFGHIJ011OB32S")
	fmt.Println(secret)
	fmt.Printf("%q %x %#v\n", secret, secret, []apikey.Secret{secret})
	// Output:
	// acme_…B32S
	// acme_…B32S acme_…B32S []apikey.Secret{acme_…B32S}
}

func send(string) {}
