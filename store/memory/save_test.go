package memory_test

import (
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/usageplan"
)

// saved returns the file of a store that has one of everything, and a second of most.
func saved(t testing.TB) string {
	s := memory.New(memory.Config{})
	ctx := t.Context()
	zone, err := time.LoadLocation("Europe/Vienna")
	require.NoError(t, err)
	keys, plans := must(apikey.NewService(s, apikey.Config{})), must(usageplan.NewService(s, s, usageplan.Config{Units: usageplan.Units{{Name: "tokens"}}}))
	for _, name := range []string{"a", "b"} {
		k, _, err := keys.Create(ctx, apikey.Key{Name: name, Tags: apikey.Tags{"team": "x"}, Enabled: true})
		require.NoError(t, err)
		p, err := plans.Create(ctx, usageplan.Plan{
			Name: name, Alerts: []int{}, Throttles: []usageplan.Throttle{{Limit: limiter.PerMinute(9), Unit: "tokens", Name: "tpm"}},
			Quotas: []quota.Quota{{Limit: 5, Unit: "tokens", Period: quota.Month, StartDay: 3, Location: zone}},
			For:    map[string]usageplan.Limits{"opus": {Quotas: []quota.Quota{{Limit: 5, Period: quota.Day, Soft: true}}}, "GET /a": {Throttles: []usageplan.Throttle{{Soft: true}}}},
		})
		require.NoError(t, err)
		require.NoError(t, plans.Link(ctx, p.ID, k.ID))
		require.NoError(t, s.InsertGroup(ctx, usageplan.Group{ID: "group-" + name, Name: name, ParentID: "acme", PlanID: p.ID, Throttles: p.Throttles, Quotas: p.Quotas}))
		day := time.Now().Unix() / 86400 * 86400
		c := store.Charge{Parts: []store.Part{store.NewPart("subject "+name, 1, store.Meter{Name: "throttle", Max: 10, Rate: store.Rate{Tokens: 1, Per: math.MaxInt32}}, store.Meter{Name: "day", Max: 10, Start: day, End: day + 2*86400, Keep: time.Hour}, store.Meter{Name: "day", Max: 10, Start: day - 86400, End: day, Keep: 48 * time.Hour}, store.Meter{Name: "\xff", Max: 1, Rare: true})}}
		require.NoError(t, s.Take(ctx, &c))
		require.True(t, c.OK)
	}
	path := filepath.Join(t.TempDir(), "saved")
	require.NoError(t, s.Save(path))
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(text)
}

// TestSaveReplaces replaces a file as a whole and makes it readable by its owner alone.
// After an error the directory is as it was.
func TestSaveReplaces(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "saved")
	require.NoError(t, os.WriteFile(path, []byte("old"), 0o644))
	s := fill(t, 10)
	require.NoError(t, s.Save(path))
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, fs.FileMode(0o600), info.Mode())

	require.Error(t, s.Save(filepath.Join(dir, "nowhere", "saved")))
	require.NoError(t, os.Mkdir(filepath.Join(dir, "taken"), 0o700))
	require.Error(t, s.Save(filepath.Join(dir, "taken")))
	list, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, list, 2, "no other file is left behind")
}

// TestSaveRefusesSymlink saves to a symbolic link. A rename would replace the link, and
// others who read its target would miss the new file.
func TestSaveRefusesSymlink(t *testing.T) {
	dir := t.TempDir()
	path, link := filepath.Join(dir, "saved"), filepath.Join(dir, "link")
	if err := os.Symlink("saved", link); err != nil {
		t.Skip(err)
	}
	s := fill(t, 10)
	for range 2 { // in the first round the target does not exist
		require.ErrorContains(t, s.Save(link), "want a regular file, which is replaced")
		target, err := os.Readlink(link)
		require.NoError(t, err)
		require.Equal(t, "saved", target)
		require.NoError(t, s.Save(path))
	}
	_, err := memory.Load(link, memory.Config{})
	require.NoError(t, err, "Load follows a link")
}

// TestSaveSyncFailure saves to a directory that cannot be synced. Save reports that, and
// the new file is there.
func TestSaveSyncFailure(t *testing.T) {
	if os.Getuid() <= 0 {
		t.Skip("root may open every directory")
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "saved")
	require.NoError(t, os.Chmod(dir, 0o300)) // create files, but do not open the directory
	err := fill(t, 10).Save(path)
	require.ErrorIs(t, err, fs.ErrPermission)
	_, err = memory.Load(path, memory.Config{})
	require.NoError(t, err)
	require.NoError(t, os.Chmod(dir, 0o700))
	list, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, list, 1, "no other file is left behind")
}

// TestSaveSkipsSpent checks that Save leaves out spent subjects and windows past their
// Keep.
func TestSaveSkipsSpent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := memory.New(memory.Config{})
		take := func(subject string, m store.Meter) {
			require.NoError(t, s.Take(t.Context(), &store.Charge{Parts: []store.Part{store.NewPart(subject, 1, m)}}))
		}
		take("bucket", store.Meter{Name: "m", Max: 1, Rate: store.Rate{Tokens: 1, Per: 1_000_000}})
		take("window", store.Meter{Name: "m", Max: 1, Start: time.Now().Unix(), End: time.Now().Unix() + 60, Keep: time.Minute})
		for _, step := range []struct {
			after time.Duration
			left  int64
		}{{0, 2}, {time.Second, 1}, {time.Minute, 1}, {time.Minute, 0}} {
			time.Sleep(step.after)
			require.Equal(t, step.left, reload(t, s).Stats().Subjects)
		}
	})
}

// TestSaveUnderLoad saves while other goroutines use the store. Every file can be loaded,
// and has the keys that were there before.
func TestSaveUnderLoad(t *testing.T) {
	s := fill(t, 100)
	done := make(chan struct{})
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-done:
					return
				default:
				}
				_ = s.Take(t.Context(), &store.Charge{Parts: []store.Part{store.NewPart(fmt.Sprint(w, i%1000), 1, store.Meter{Name: "m", Max: 1 << 40})}})
				k, err := s.Key(t.Context(), id(i%100))
				if err == nil {
					k.Name = fmt.Sprint(i)
					_ = s.UpdateKey(t.Context(), k)
				}
				runtime.Gosched() // so that Save gets its share of few cores
			}
		})
	}
	for range 20 {
		again := reload(t, s)
		keys, _, err := again.Keys(t.Context(), apikey.Filter{}, "", 500)
		require.NoError(t, err)
		require.Len(t, keys, 100)
	}
	close(done)
	wg.Wait()
}

// TestSaveFull saves a full store while new subjects replace others. Every file can be
// loaded.
func TestSaveFull(t *testing.T) {
	cfg := memory.Config{MaxSubjects: 2000}
	s := memory.New(cfg)
	today := time.Now().Unix() / 86400 * 86400
	ended := []store.Meter{{Name: "day", Max: 10, Start: today - 86400, End: today, Keep: 90 * 24 * time.Hour}}
	var n atomic.Int64
	take := func() {
		err := s.Take(t.Context(), &store.Charge{Parts: []store.Part{store.NewPart(fmt.Sprint(n.Add(1)), 1, ended...)}})
		if err != nil {
			t.Error(err)
		}
	}
	for range cfg.MaxSubjects {
		take()
	}
	done := make(chan struct{})
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
					take()
					runtime.Gosched()
				}
			}
		})
	}
	for range 20 {
		path := filepath.Join(t.TempDir(), "saved")
		require.NoError(t, s.Save(path))
		again, err := memory.Load(path, cfg)
		require.NoError(t, err)
		require.LessOrEqual(t, again.Stats().Subjects, int64(cfg.MaxSubjects))
	}
	close(done)
	wg.Wait()
}

// TestSaveConcurrently saves from two goroutines. The last file has everything that was
// there before its Save began.
func TestSaveConcurrently(t *testing.T) {
	s, path := memory.New(memory.Config{}), filepath.Join(t.TempDir(), "saved")
	done := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
				if err := s.Save(path); err != nil {
					t.Error(err)
				}
			}
		}
	})
	for i := range 50 {
		require.NoError(t, s.InsertKey(t.Context(), apikey.Key{ID: id(i), Digest: apikey.DigestOf(id(i)), Version: 1}))
		require.NoError(t, s.Save(path))
		again, err := memory.Load(path, memory.Config{})
		require.NoError(t, err)
		_, err = again.Key(t.Context(), id(i))
		require.NoError(t, err)
	}
	close(done)
	wg.Wait()
}

// TestSaveFarFuture saves a bucket whose time exceeds the range of the file. It is saved
// with the latest time that fits.
func TestSaveFarFuture(t *testing.T) {
	s := memory.New(memory.Config{})
	c := store.Charge{At: time.Now().AddDate(285, 0, 0), Parts: []store.Part{store.NewPart("a", 1, store.Meter{Name: "m", Max: 10})}}
	require.NoError(t, s.Take(t.Context(), &c))
	require.EqualValues(t, 1, reload(t, s).Stats().Subjects)
}

// BenchmarkSave saves n keys, each with a counter, and reports the bytes of each.
func BenchmarkSave(b *testing.B) {
	for _, n := range []int{1000, 100_000} {
		b.Run(fmt.Sprintf("keys=%d", n), func(b *testing.B) {
			s := fill(b, n)
			for i := range n {
				c := store.Charge{Parts: []store.Part{store.NewPart(id(i), 1, store.Meter{Name: "throttle", Max: 100}, day("day", time.Now(), 10, time.Hour))}}
				require.NoError(b, s.Take(b.Context(), &c))
			}
			path := filepath.Join(b.TempDir(), "saved")
			for b.Loop() {
				if err := s.Save(path); err != nil {
					b.Fatal(err)
				}
			}
			info, err := os.Stat(path)
			require.NoError(b, err)
			b.ReportMetric(float64(info.Size())/float64(n), "bytes/key")
			again, err := memory.Load(path, memory.Config{})
			require.NoError(b, err)
			require.EqualValues(b, n, again.Stats().Subjects)
		})
	}
}
