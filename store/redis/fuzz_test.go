package redis

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/store"
)

// FuzzReply delivers arbitrary bytes as the reply to three decisions, one of them of two
// parts.
func FuzzReply(f *testing.F) {
	tail := "\x01" + strings.Repeat("\x00", tailLen-1+stateLen)
	const eight = "\x00\x00\x00\x00\x00\x00\x20\x40"
	f.Add("")
	f.Add(tail + tail + tail + tail)
	f.Add(tail + "\x00" + tail[1:] + tail + tail)
	f.Add(tail + "\x02" + eight + "ERR text" + tail)
	f.Add(tail + "\x03" + eight + "\x010acme>k" + tail)
	f.Add("\x03" + eight + "\x7f2acme>k" + tail + tail + tail)
	f.Add("\x03\x00\x00\x00\x00\x00\x00\xf0\x3f\x01" + tail + tail + tail)
	f.Add(tail + "\x02" + strings.Repeat("\xff", 8) + tail)
	f.Add("\x02\x00\x00\x00\x00\x00\x00\x00\xc0" + tail) // an error of -2 bytes
	f.Add("\x02\x00\x00\x00\x00\x00\x00\xf0\x7f" + tail) // an error of infinite length
	charges := func() []*store.Charge {
		two := one("a")
		two.Parts = append(two.Parts, one("a>b").Parts...)
		return []*store.Charge{one("a"), two, one("c")}
	}
	f.Fuzz(func(t *testing.T, reply string) {
		s := &Store{prefix: "ration"}
		var all []*item
		for _, r := range requestsOf(s, charges()...) {
			all = append(all, &item{Request: question{request: r}})
		}
		share(all, reply)
		for i, c := range charges() {
			err := asMoved(c, all[i].Err)
			if err == nil {
				err = decodeReply(c, time.Now(), all[i].Answer)
			}
			if err != nil && errorCode(err) == "" && err.Error() == "" {
				t.Fatal("an error without a word")
			}
			var moved *store.MovedError
			if errors.As(err, &moved) && !slices.ContainsFunc(c.Parts, func(p store.Part) bool { return p.Subject == moved.Subject }) {
				t.Fatalf("%q has moved: want a subject of the charge", moved.Subject)
			}
		}
	})
}

// FuzzValue puts arbitrary bytes in place of a subject's value. A charge is answered, or
// it fails and changes nothing. The other decisions of its call are answered.
func FuzzValue(f *testing.F) {
	if strconv.IntSize == 32 {
		f.Skip("miniredis reads an expiry into an int of 32 bits")
	}
	server := miniredis.NewMiniRedis()
	require.NoError(f, server.Start())
	defer server.Close()
	server.SetTime(time.Unix(quota.Start, 0))
	s := newStore(f, single(f, server.Addr()), decisionScripts)
	require.NoError(f, s.Take(f.Context(), twoParts("sample")))
	sample, err := server.Get("ration:{sample}")
	require.NoError(f, err)
	head := string(appendHead(nil, []store.Meter{throttle, quota, record}))

	f.Add(sample, false)
	f.Add(sample[:len(sample)-1], true)
	f.Add(sample+"x", true)
	f.Add(head, true)
	f.Add("R\x02"+strings.Repeat("\xff", 80), false)
	f.Add(strings.ReplaceAll(sample, "\n", "x"), false)
	f.Add(strings.Replace(sample, "\x80", "\xff", 1), true)
	f.Add("M\x020\x80\x84acme", true)
	f.Add("M\x022\xff\xffacme", false)
	f.Add("M", true)
	f.Fuzz(func(t *testing.T, value string, refund bool) {
		for _, alone := range []bool{true, false} {
			server.FlushAll()
			require.NoError(t, server.Set("ration:{a}", value))
			c := twoParts("a")
			if refund {
				c.Parts[0].N = []int64{-1, -1, -1}
			}
			charges := []*store.Charge{c}
			if !alone {
				charges = []*store.Charge{twoParts("b"), c, twoParts("b", "b>c")}
			}
			for i, item := range callTogether(s, requestsOf(s, charges...)...) {
				err := asMoved(charges[i], item.Err)
				if err == nil {
					err = decodeReply(charges[i], charges[i].At, item.Answer)
				}
				if charges[i] != c {
					require.NoError(t, err)
					continue
				}
				if err != nil {
					require.ErrorIs(t, wrapError("take", item.Request.describe(), err), store.ErrNotTaken)
					after, getErr := server.Get("ration:{a}")
					require.NoError(t, getErr)
					require.Equal(t, value, after)
				}
			}
		}
	})
}

// FuzzKey checks that two subjects have two keys, neither of which is a hash of the
// other, and that a family has one slot.
func FuzzKey(f *testing.F) {
	f.Add("a", "a>b")
	f.Add("", ">")
	f.Add("%", ">a")
	f.Add("a}:past", "a")
	f.Add("a>}b", "a}>b")
	f.Add("a>b>c", "a>b")
	f.Fuzz(func(t *testing.T, a, b string) {
		if a == "" || b == "" {
			return
		}
		s := &Store{prefix: "ration"}
		x, y := s.key(a), s.key(b)
		require.Equal(t, a == b, x == y)
		for _, suffix := range []string{":past", ":ids"} {
			require.NotEqual(t, x, y+suffix)
			require.NotEqual(t, x+suffix, y)
		}
		tag := func(key string) string {
			from := strings.IndexByte(key, '{') + 1
			return key[from : from+strings.IndexByte(key[from:], '}')]
		}
		require.Equal(t, store.Family(a) == store.Family(b), tag(x) == tag(y))
		require.NotEmpty(t, tag(x))
	})
}
