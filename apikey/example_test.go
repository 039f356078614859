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

func ExampleService_Reminders() {
	ctx := context.Background()
	keys := must(apikey.NewService(newMapStore(), apikey.Config{}))
	if _, _, err := keys.Create(ctx, apikey.Key{ID: "ann", Enabled: true, Expires: time.Now().AddDate(0, 0, 7)}); err != nil {
		panic(err)
	}

	cfg := apikey.ReminderConfig{MaxAge: 90 * 24 * time.Hour}
	for r, err := range keys.Reminders(ctx, apikey.Filter{}, cfg) { // once a day
		if err != nil {
			panic(err)
		}
		fmt.Println(r.Kind, r.Key.ID) // to its owner, unless r.ID was told before
	}
	// Output: expiry ann
}

func ExampleService_Revoke() {
	ctx := context.Background()
	keys := must(apikey.NewService(newMapStore(), apikey.Config{}))
	key, leaked, err := keys.Create(ctx, apikey.Key{Enabled: true})
	if err != nil {
		panic(err)
	}
	if _, _, err := keys.Revoke(ctx, apikey.DigestOf(string(leaked))); err != nil {
		panic(err)
	}

	key, err = keys.Enable(ctx, key.ID)
	fmt.Println(key.HasSecret(), err) // it needs a new one
	_, fresh, err := keys.Rotate(ctx, key.ID, 0)
	fmt.Println(fresh != "", err)
	// Output:
	// false <nil>
	// true <nil>
}

// A forged secret has a right checksum, which everybody can compute, but not a right tag.
func ExampleFormat_tagKeys() {
	file := "Kq3vIr6bI0p1bXGCvH3sSgX7mZ0c1oJmWQy0oE5m2t8=" // of openssl rand -base64 32
	tags, err := apikey.ParseTagKeys(file)
	if err != nil {
		panic(err)
	}
	tagged := apikey.Format{Prefix: "acme", TagKeys: tags}
	secret, err := tagged.New()
	if err != nil {
		panic(err)
	}
	forged, err := apikey.Format{Prefix: "acme"}.New()
	if err != nil {
		panic(err)
	}
	fmt.Println(tagged.Check(string(secret)))
	fmt.Println(tagged.Check(string(forged)))
	fmt.Println(tags)
	// Output:
	// <nil>
	// apikey: malformed secret: tag
	// apikey.TagKeys(1)
}
