package redis

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/redis/rueidis"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/internal/redistest"
	"github.com/ration-go/ration/usageplan"
)

// TestAnotherType puts a value of another type in every place in turn. An operation that
// needs the place returns an error and changes nothing. The other operations work.
func TestAnotherType(t *testing.T) {
	client := dial(t, redistest.Start(t))
	s := newStore(t, client, decisionScripts)
	for _, op := range operations() {
		for _, part := range op.parts {
			t.Run(op.name+"/"+part, func(t *testing.T) {
				flushed(t, client)
				sample(t, s)
				require.NoError(t, client.Do(t.Context(), client.B().Del().Key(s.directoryKey(part)).Build()).Error())
				require.NoError(t, client.Do(t.Context(), client.B().Xadd().Key(s.directoryKey(part)).Id("*").
					FieldValue().FieldValue("a", "b").Build()).Error())
				before := dump(t, client)
				err := op.call(t.Context(), s)
				require.ErrorContains(t, err, "WRONGTYPE")
				if op.changes {
					require.ErrorContains(t, err, s.directoryKey(part))
				}
				require.Equal(t, before, dump(t, client))
			})
		}
	}
}

// TestRecordLayout has records that this version cannot read. An operation that needs one
// returns an error and changes nothing.
func TestRecordLayout(t *testing.T) {
	client := dial(t, redistest.Start(t))
	s := newStore(t, client, decisionScripts)
	names := map[string]string{"keys": "k", "plans": "p", "links": linkName("p", "k"), "groups": "g"}
	for _, test := range []struct {
		name    string
		spoil   func(record string) string
		says    string
		updates bool // whether an update and a delete succeed, because they read only the head
	}{
		{"newer", func(r string) string { return "\x02" + r[1:] }, "layout 2: want 1", false},
		{"text", func(string) string { return `{"id":"k"` + strings.Repeat(" ", 99) + `}` }, "layout 123", false},
		{"empty", func(string) string { return "" }, "record: missing", false},
		{"a truncated head", func(r string) string { return r[:recordHead-1] }, "record: truncated", false},
		{"a member of a newer release", func(r string) string { return r[:len(r)-1] + `,"frozen":true}` }, `unknown field "frozen"`, true},
		{"a member twice", func(r string) string { return r[:len(r)-1] + `,"version":1}` }, "version: there twice", true},
		{"JSON that is cut", func(r string) string { return r[:len(r)-1] }, "unexpected end of JSON", true},
		{"no JSON", func(r string) string { return r[:strings.Index(r, `{"`)] }, "unexpected end of JSON", true},
		{"other JSON", func(r string) string { return r[:strings.Index(r, `{"`)] + `{"id":7}{` }, "record: ", true},
	} {
		for _, op := range slices.Concat(reads, updates) {
			t.Run(test.name+"/"+op.name, func(t *testing.T) {
				flushed(t, client)
				sample(t, s)
				for part, name := range names {
					record, err := s.getRecord(t.Context(), part, name)
					require.NoError(t, err)
					set := client.B().Hset().Key(s.directoryKey(part)).FieldValue().FieldValue(name, test.spoil(record)).Build()
					require.NoError(t, client.Do(t.Context(), set).Error())
				}
				before := dump(t, client)
				err := op.call(t.Context(), s)
				if op.changes && test.updates {
					require.NoError(t, err)
					return
				}
				require.Error(t, err)
				require.True(t, strings.HasPrefix(err.Error(), "store/redis: "), err.Error())
				if op.changes {
					require.ErrorContains(t, err, "LAYOUT of the record")
				} else {
					require.ErrorContains(t, err, test.says)
				}
				require.Equal(t, before, dump(t, client))
			})
		}
	}
}

// TestTruncatedKey truncates a key's record everywhere. No filter hides that.
func TestTruncatedKey(t *testing.T) {
	client := dial(t, redistest.Start(t))
	s := newStore(t, client, decisionScripts)
	sample(t, s)
	record, err := s.getRecord(t.Context(), "keys", "k")
	require.NoError(t, err)
	for size := range len(record) {
		set := client.B().Hset().Key(s.directoryKey("keys")).FieldValue().FieldValue("k", record[:size]).Build()
		require.NoError(t, client.Do(t.Context(), set).Error())
		_, err := s.Key(t.Context(), "k")
		require.ErrorContains(t, err, "record: ", "%d bytes", size)
		_, _, err = s.Keys(t.Context(), apikey.Filter{NamePrefix: "nam", GroupID: "g"}, "", 1)
		require.ErrorContains(t, err, "record: ", "%d bytes", size)
		_, err = s.AccessByKey(t.Context(), "k")
		require.ErrorContains(t, err, "record: ", "%d bytes", size)
	}
}

// TestTruncatedGroup truncates a group's record everywhere.
func TestTruncatedGroup(t *testing.T) {
	client := dial(t, redistest.Start(t))
	s := newStore(t, client, decisionScripts)
	sample(t, s)
	record, err := s.getRecord(t.Context(), "groups", "g")
	require.NoError(t, err)
	for size := range len(record) {
		set := client.B().Hset().Key(s.directoryKey("groups")).FieldValue().FieldValue("g", record[:size]).Build()
		require.NoError(t, client.Do(t.Context(), set).Error())
		_, err := s.Group(t.Context(), "g")
		require.ErrorContains(t, err, `group "g": record: `, "%d bytes", size)
		_, _, err = s.Groups(t.Context(), usageplan.GroupFilter{ParentID: "top", PlanID: "q"}, "", 10)
		require.ErrorContains(t, err, "groups: record: ", "%d bytes", size)
		_, err = s.AccessByKey(t.Context(), "k")
		require.ErrorContains(t, err, `access of key "k": group "g": record: `, "%d bytes", size)
	}
}

// TestDamagedAccess spoils one record of those that a look-up returns. The error names
// it, and nothing is taken to be missing.
func TestDamagedAccess(t *testing.T) {
	client := dial(t, redistest.Start(t))
	s := newStore(t, client, decisionScripts)
	for _, test := range []struct{ part, name, says string }{
		{"links", linkName("p", "k"), `access of key "k": link: record`},
		{"plans", "p", `access of key "k": plan "p": record`},
		{"plans", "q", `access of key "k": plan "q": record`},
		{"groups", "g", `access of key "k": group "g": record`},
		{"groups", "top", `access of key "k": group "top": record`},
	} {
		for _, record := range []string{"", "\x02", "\x01", "\x01\x00\x00\x00\x00\x00\x00\x00\x01\xff\xff\xff\xff", strings.Repeat("\x01", 200)} {
			flushed(t, client)
			sample(t, s)
			set := client.B().Hset().Key(s.directoryKey(test.part)).FieldValue().FieldValue(test.name, record).Build()
			require.NoError(t, client.Do(t.Context(), set).Error())
			_, err := s.AccessByKey(t.Context(), "k")
			require.ErrorContains(t, err, test.says, "%q", record)
			require.NotErrorIs(t, err, usageplan.ErrNotFound)
			require.NotErrorIs(t, err, apikey.ErrNotFound)
		}
	}
}

// TestMissingRecord has index entries without a record.
func TestMissingRecord(t *testing.T) {
	client := dial(t, redistest.Start(t))
	s := newStore(t, client, decisionScripts)
	sample(t, s)
	for _, part := range []string{"keys", "plans", "links", "groups"} {
		require.NoError(t, client.Do(t.Context(), client.B().Del().Key(s.directoryKey(part)).Build()).Error())
	}
	for _, op := range reads {
		err := op.call(t.Context(), s)
		if errors.Is(err, apikey.ErrNotFound) || errors.Is(err, usageplan.ErrNotFound) {
			continue
		}
		require.ErrorContains(t, err, "record: missing", op.name)
	}
}

// foreign is a client whose server answers every script and look-up with something else.
type foreign struct {
	rueidis.Client
	answer []string
}

func (f foreign) Do(ctx context.Context, _ rueidis.Completed) rueidis.RedisResult {
	return f.Client.Do(ctx, f.B().Arbitrary(f.answer...).Build())
}

func TestForeignReply(t *testing.T) {
	client := dial(t, redistest.Start(t))
	require.NoError(t, client.Do(t.Context(), client.B().Rpush().Key("list").Element("7", "x", "\x01").Build()).Error())
	for _, answer := range [][]string{
		{"ECHO", "hello"}, {"ECHO", ""}, {"ECHO", "\x01"}, {"DBSIZE"}, {"PING"}, {"COMMAND", "INFO", "get"},
		{"LRANGE", "list", "0", "1"}, {"LRANGE", "list", "0", "2"}, {"LRANGE", "list", "1", "1"},
		{"EVAL", "return {1, {2}, {{3}}}", "0"}, {"EVAL", "return redis.error_reply('CONFLICT')", "0"},
	} {
		s := newStore(t, foreign{client, answer}, decisionScripts)
		for _, op := range operations() {
			err := op.call(t.Context(), s)
			if assert.Error(t, err, "%v: %s", answer, op.name) {
				assert.True(t, strings.HasPrefix(err.Error(), "store/redis: "), err.Error())
				assert.NotErrorIs(t, err, apikey.ErrNotFound)
				assert.NotErrorIs(t, err, usageplan.ErrConflict)
			}
		}
	}
}

// TestChangeOnce cuts the answer to a change. The change has happened, the call returns
// an error, and the change is not sent again.
func TestChangeOnce(t *testing.T) {
	addr := redistest.Start(t)
	control := dial(t, addr)
	direct := newStore(t, control, decisionScripts)
	sample(t, direct)
	for _, op := range slices.Concat(inserts, updates) {
		t.Run(op.name, func(t *testing.T) {
			flushed(t, control)
			sample(t, direct)
			p := newProxy(t, addr)
			s := newStore(t, single(t, p.addr), decisionScripts)
			_, err := s.Key(t.Context(), "k")
			require.NoError(t, err)
			require.NoError(t, control.Do(t.Context(), control.B().ConfigResetstat().Build()).Error())
			p.cutReply.Store(true)
			err = op.call(t.Context(), s)
			require.Error(t, err)
			for _, verdict := range []error{apikey.ErrExists, apikey.ErrNotFound, apikey.ErrConflict, usageplan.ErrExists} {
				require.NotErrorIs(t, err, verdict)
			}
			_, err = s.Key(t.Context(), "none") // a client that sends again has done so by now
			require.ErrorIs(t, err, apikey.ErrNotFound)
			require.Equal(t, 1, commands(t, control)["publish"])
		})
	}
	t.Run("a read is sent again", func(t *testing.T) {
		p := newProxy(t, addr)
		s := newStore(t, single(t, p.addr), decisionScripts)
		for _, op := range reads {
			flushed(t, control)
			sample(t, direct)
			require.NoError(t, op.call(t.Context(), s))
			p.cutReply.Store(true)
			require.NoError(t, op.call(t.Context(), s), op.name)
			require.False(t, p.cutReply.Load())
		}
	})
}

// TestNoPublish has a user who may not use the channel. The change does not happen,
// because nobody would hear of it.
func TestNoPublish(t *testing.T) {
	client := dial(t, redistest.Start(t))
	s := newStore(t, client, decisionScripts)
	sample(t, s)
	forbid := client.B().Arbitrary("ACL", "SETUSER", "default", "resetchannels").Build()
	require.NoError(t, client.Do(t.Context(), forbid).Error())
	before := dump(t, client)
	for _, op := range operations() {
		if err := op.call(t.Context(), s); op.changes {
			require.Error(t, err, op.name)
		} else {
			require.NoError(t, err, op.name)
		}
	}
	require.Equal(t, before, dump(t, client))
}

// TestHalfRights has a user who may run only some of the writes. The secrets that open a
// key stay the same.
func TestHalfRights(t *testing.T) {
	client := dial(t, redistest.Start(t))
	s := newStore(t, client, decisionScripts)
	for _, command := range []string{"hset", "hdel", "publish"} {
		t.Run(command, func(t *testing.T) {
			flushed(t, client)
			sample(t, s)
			do := func(words ...string) {
				require.NoError(t, client.Do(t.Context(), client.B().Arbitrary(words...).Build()).Error())
			}
			do("ACL", "SETUSER", "default", "-"+command)
			k := sampleKey
			k.Digest, k.Retiring = apikey.DigestOf("new"), apikey.Digest{}
			err := s.UpdateKey(t.Context(), k)
			do("ACL", "SETUSER", "default", "+@all")
			require.Error(t, err)
			for _, d := range []apikey.Digest{sampleKey.Digest, sampleKey.Retiring} {
				got, err := s.KeyByDigest(t.Context(), d)
				require.NoError(t, err)
				require.Equal(t, sampleKey.Digest, got.Digest)
			}
			require.NoError(t, s.UpdateKey(t.Context(), k))
			got, err := s.KeyByDigest(t.Context(), k.Digest)
			require.NoError(t, err)
			require.Equal(t, k.Digest, got.Digest)
			for _, d := range []apikey.Digest{sampleKey.Digest, sampleKey.Retiring} {
				_, err := s.KeyByDigest(t.Context(), d)
				require.ErrorIs(t, err, apikey.ErrNotFound)
			}
		})
	}
}

// TestBadPages has arguments that no listing accepts.
func TestBadPages(t *testing.T) {
	s := newStore(t, dial(t, redistest.Start(t)), decisionScripts)
	for i := range 3 {
		require.NoError(t, s.InsertKey(t.Context(), apikey.Key{ID: fmt.Sprint(i)}))
	}
	for _, test := range []struct {
		cursor string
		limit  int
		says   []string
	}{
		{"", 0, []string{"limit: 0: want 1 or more"}},
		{"!", -1, []string{"limit: -1: want 1 or more", `cursor: "!": want one that a listing gave`}},
		{"1", 1, []string{`cursor: "1"`}}, // no record is below the first
		{"4", 1, []string{`cursor: "4"`}},
		{"02", 1, []string{`cursor: "02"`}},
		{"+2", 1, []string{`cursor: "+2"`}},
		{"A", 1, []string{`cursor: "A"`}},
		{"3w5e11264sgsf", 1, []string{"cursor: "}}, // 2^64 - 1
	} {
		_, _, err := s.Keys(t.Context(), apikey.Filter{}, test.cursor, test.limit)
		require.ErrorIs(t, err, apikey.ErrInvalid, test.cursor)
		_, _, planErr := s.Plans(t.Context(), test.cursor, test.limit)
		require.ErrorIs(t, planErr, usageplan.ErrInvalid, test.cursor)
		_, _, linkErr := s.PlanLinks(t.Context(), "p", test.cursor, test.limit)
		require.ErrorIs(t, linkErr, usageplan.ErrInvalid, test.cursor)
		_, _, groupErr := s.Groups(t.Context(), usageplan.GroupFilter{}, test.cursor, test.limit)
		require.ErrorIs(t, groupErr, usageplan.ErrInvalid, test.cursor)
		for _, says := range test.says {
			require.ErrorContains(t, err, says)
			require.ErrorContains(t, planErr, says)
			require.ErrorContains(t, linkErr, says)
			require.ErrorContains(t, groupErr, says)
		}
	}
	for _, cursor := range []string{"2", "3"} {
		keys, next, err := s.Keys(t.Context(), apikey.Filter{}, cursor, 10)
		require.NoError(t, err)
		require.Empty(t, next)
		require.Len(t, keys, int(cursor[0]-'1'))
	}
}
