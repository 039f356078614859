package sigv4_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apigateway/sigv4"
)

// forged returns a request of a client that knows an access key id but not the secret.
func forged(t testing.TB, body io.Reader, fields ...string) *http.Request {
	names := "host;x-amz-date"
	r := httptest.NewRequestWithContext(t.Context(), "POST", "/", body)
	for i := 0; i < len(fields); i += 2 {
		r.Header.Set(fields[i], fields[i+1])
		names = "host;" + strings.ToLower(fields[i]) + ";x-amz-date"
	}
	now := time.Now().UTC()
	r.Header.Set("X-Amz-Date", now.Format("20060102T150405Z"))
	r.Header.Set("Authorization", fmt.Sprintf("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/%s/r/apigateway/aws4_request, SignedHeaders=%s, Signature=%064d",
		now.Format("20060102"), names, 0))
	return r
}

// TestBody checks that the body is bounded and put back, and that its digest is compared
// with X-Amz-Content-Sha256.
func TestBody(t *testing.T) {
	v := newVerifier(t, sigv4.Config{MaxBody: 10})
	_, err := v.Verify(forged(t, strings.NewReader(strings.Repeat("x", 11))))
	refused, _ := errors.AsType[*sigv4.Error](err)
	require.Equal(t, 413, refused.Status)
	r := forged(t, strings.NewReader("01234"))
	r.Body = http.MaxBytesReader(nil, r.Body, 4) // the limit of an outer handler
	_, err = v.Verify(r)
	refused, _ = errors.AsType[*sigv4.Error](err)
	require.Equal(t, 413, refused.Status)
	r = forged(t, strings.NewReader("x"))
	r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), exampleKey, "NOBODY", 1))
	r.Body = io.NopCloser(iotest.ErrReader(errors.New("is read")))
	_, err = v.Verify(r)
	require.ErrorContains(t, err, "UnrecognizedClientException", "of nobody no body is read")
	r = forged(t, strings.NewReader("0123456789"))
	_, err = v.Verify(r)
	require.ErrorContains(t, err, "InvalidSignatureException")
	body, err := io.ReadAll(r.Body)
	require.NoError(t, err)
	require.Equal(t, "0123456789", string(body))
	for _, digest := range []string{"UNSIGNED-PAYLOAD", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", strings.Repeat("0", 64)} {
		_, err = v.Verify(forged(t, strings.NewReader("x"), "X-Amz-Content-Sha256", digest))
		require.ErrorContains(t, err, "want the digest of the body")
	}
}

// TestLarge checks that only a few large bodies of unverified senders are in memory at a
// time. Small bodies are always accepted.
func TestLarge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newVerifier(t, sigv4.Config{MaxLarge: 2})
		large := func() io.Reader { return strings.NewReader(strings.Repeat("x", 16<<10+1)) }
		var ends []*io.PipeWriter
		stalled := make(chan error)
		for range 2 {
			body, end := io.Pipe()
			ends = append(ends, end)
			go func() {
				_, err := v.Verify(forged(t, io.MultiReader(large(), body)))
				stalled <- err
			}()
		}
		synctest.Wait()
		_, err := v.Verify(forged(t, large()))
		refused, _ := errors.AsType[*sigv4.Error](err)
		require.NotNil(t, refused, "%v", err)
		require.Equal(t, http.StatusTooManyRequests, refused.Status)
		require.Equal(t, "TooManyRequestsException", refused.Code)
		_, err = v.Verify(forged(t, strings.NewReader(strings.Repeat("x", 16<<10))))
		require.ErrorContains(t, err, "InvalidSignatureException")

		require.NoError(t, ends[0].CloseWithError(iotest.ErrTimeout))
		require.ErrorContains(t, <-stalled, "cannot be read")
		_, err = v.Verify(forged(t, large()))
		require.ErrorContains(t, err, "InvalidSignatureException", "there is room again")
		require.NoError(t, ends[1].Close())
		require.ErrorContains(t, <-stalled, "InvalidSignatureException")
	})
}

// TestLargeWhole checks that a body of any size is put back unchanged. Its buffer must
// not grow step by step, which would allocate more than twice the body's size.
func TestLargeWhole(t *testing.T) {
	v := newVerifier(t, sigv4.Config{})
	for _, size := range []int{1, 16 << 10, 16<<10 + 1, 1 << 20, 10 << 20} {
		body := strings.Repeat("x", size)
		r := forged(t, strings.NewReader(body))
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := v.Verify(r)
		runtime.ReadMemStats(&after)
		require.ErrorContains(t, err, "InvalidSignatureException")
		require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(2*size+256<<10), "%d bytes", size)
		got, err := io.ReadAll(r.Body)
		require.NoError(t, err)
		require.True(t, body == string(got), "%d bytes", size)
	}
}
