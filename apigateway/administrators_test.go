package apigateway_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/internal/redistest"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/store/redis"
)

// together sends n requests at once and counts the answers by status.
func (h *harness) together(n int, what func(i int) (what, body string)) map[int]int {
	counts, mu := map[int]int{}, sync.Mutex{}
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			a := h.send(what(i))
			mu.Lock()
			defer mu.Unlock()
			counts[a.status]++
		})
	}
	wg.Wait()
	return counts
}

// TestConcurrentAdministrators checks that 32 administrators who work at once lose none
// of each other's changes. Of 32 equal creations or deletions exactly one succeeds.
func TestConcurrentAdministrators(t *testing.T) {
	t.Run("memory", func(t *testing.T) { administrate(t, memory.New(memory.Config{})) })
	t.Run("redis", func(t *testing.T) {
		st, err := redis.Open("redis://"+redistest.Start(t), redis.Config{})
		require.NoError(t, err)
		t.Cleanup(func() { st.Close() })
		administrate(t, st)
	})
}

func administrate(t *testing.T, st stores) {
	const crowd = 32
	h := newHarnessOn(t, st)
	key := h.ok(201, "POST /apikeys", `{"name": "k"}`).text("id")
	plan := func() string { return h.ok(201, "POST /usageplans", `{"name": "p"}`).text("id") }
	arn := func(kind, id string) string { return "/tags/arn%3Aaws%3Aapigateway%3Ar%3A%3A%2F" + kind + "%2F" + id }
	all := map[int]int{200: crowd}

	first := plan()
	require.Equal(t, all, h.together(crowd, func(i int) (string, string) {
		return "PATCH /usageplans/" + first, patch(fmt.Sprintf("add /apiStages pets:stage-%d", i))
	}))
	require.Len(t, h.ok(200, "GET /usageplans/"+first, "").body["apiStages"], crowd)

	for kind, id := range map[string]string{"apikeys": key, "usageplans": first} {
		require.Equal(t, map[int]int{200: crowd / 2, 204: crowd / 2}, h.together(crowd, func(i int) (string, string) {
			if i%2 == 0 {
				return "PATCH /" + kind + "/" + id, patch("replace /description changed")
			}
			return "PUT " + arn(kind, id), fmt.Sprintf(`{"tags": {"tag-%d": "v"}}`, i)
		}), kind)
		a := h.ok(200, "GET /"+kind+"/"+id, "")
		require.Equal(t, "changed", a.text("description"))
		require.Len(t, a.body["tags"], crowd/2)
		require.Equal(t, map[int]int{204: crowd}, h.together(crowd, func(i int) (string, string) {
			return "DELETE " + arn(kind, id) + fmt.Sprintf("?tagKeys=tag-%d", i), ""
		}))
		require.Empty(t, h.ok(200, "GET "+arn(kind, id), "").body["tags"])
	}

	second := plan()
	for _, once := range []struct {
		what, body string
		one, rest  int
	}{
		{"POST /apikeys", `{"value": "a-value-that-all-have"}`, 201, 409},
		{"POST /usageplans/" + second + "/keys", `{"keyId": "` + key + `", "keyType": "API_KEY"}`, 201, 409},
		{"DELETE /usageplans/" + second + "/keys/" + key, "", 202, 404},
		{"DELETE /apikeys/" + key, "", 202, 404},
		{"DELETE /usageplans/" + second, "", 202, 404},
	} {
		require.Equal(t, map[int]int{once.one: 1, once.rest: crowd - 1}, h.together(crowd, func(int) (string, string) {
			return once.what, once.body
		}), once.what)
	}

	for range 100 {
		id := plan()
		counts := h.together(2, func(i int) (string, string) {
			if i == 0 {
				return "DELETE /usageplans/" + id, ""
			}
			return "PATCH /usageplans/" + id, patch("add /apiStages pets:prod")
		})
		switch h.send("GET /usageplans/"+id, "").status {
		case 200:
			require.Equal(t, map[int]int{200: 1, 400: 1}, counts, "a plan with a stage is not deleted")
		default:
			require.Equal(t, map[int]int{202: 1, 404: 1}, counts, "a plan that is deleted gets no stage")
		}
	}
}
