package apikey_test

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
)

func TestDigestOf(t *testing.T) {
	// From FIPS 180-2, appendix B.1.
	abc, err := apikey.DigestOf("abc").MarshalText()
	require.NoError(t, err)
	assert.Equal(t, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", string(abc))

	long := strings.Repeat("0123456789", 30)
	for n := range len(long) {
		require.Equal(t, apikey.Digest(sha256.Sum256([]byte(long[:n]))), apikey.DigestOf(long[:n]), "%d bytes", n)
	}
}

func TestDigestOfAllocatesNothing(t *testing.T) {
	for _, n := range []int{0, 1, 32, 33, 71, 128, 129, 512} {
		s := strings.Repeat("x", n)
		var d apikey.Digest
		assert.Zero(t, testing.AllocsPerRun(100, func() { d = apikey.DigestOf(s) }), "%d bytes", n)
		assert.NotZero(t, d)
	}
}

// TestDigestEqual checks that Equal finds a difference in every bit, and in any two bits
// at once. Differences in two words must not cancel each other.
func TestDigestEqual(t *testing.T) {
	a, b := apikey.DigestOf("a"), apikey.DigestOf("b")
	assert.True(t, a.Equal(&a))
	assert.False(t, a.Equal(&b))

	const bits = 8 * len(a)
	flip := func(d *apikey.Digest, bit int) { d[bit/8] ^= 1 << (bit % 8) }
	for i := range bits {
		other := a
		flip(&other, i)
		require.False(t, a.Equal(&other), "bit %d", i)
		for j := range i {
			flip(&other, j)
			require.False(t, a.Equal(&other), "bits %d and %d", i, j)
			flip(&other, j)
		}
	}
}

// TestDigestEqualHasNoEarlyExit reads the source of Equal. A timing test would be as
// uncertain as the machine, so this test holds Equal to a form that takes the same time
// for all digests: one loop that counts to the length, without a branch inside it, and
// one return after it.
func TestDigestEqualHasNoEarlyExit(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "digest.go", nil, 0)
	require.NoError(t, err)
	var equal *ast.FuncDecl
	for _, d := range file.Decls {
		if f, ok := d.(*ast.FuncDecl); ok && f.Name.Name == "Equal" {
			equal = f
		}
	}
	require.NotNil(t, equal)

	body := equal.Body.List
	require.IsType(t, &ast.ReturnStmt{}, body[len(body)-1])
	loops := 0
	for _, s := range body[:len(body)-1] {
		ast.Inspect(s, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.ForStmt:
				loops++
				assert.Equal(t, "i < len(d)", types.ExprString(n.Cond))
			case *ast.BinaryExpr:
				assert.NotContains(t, []token.Token{token.LAND, token.LOR, token.EQL, token.NEQ}, n.Op)
			case *ast.ReturnStmt, *ast.BranchStmt, *ast.IfStmt, *ast.SwitchStmt, *ast.TypeSwitchStmt, *ast.SelectStmt,
				*ast.RangeStmt, *ast.FuncLit, *ast.GoStmt, *ast.DeferStmt:
				t.Errorf("Equal has a %T", n)
			}
			return true
		})
	}
	assert.Equal(t, 1, loops)
}

func TestDigestText(t *testing.T) {
	d := apikey.DigestOf("abc")
	assert.Equal(t, "ba7816bf", d.String())
	assert.Equal(t, "ba7816bf", fmt.Sprint(d))
	assert.Equal(t, "ba7816bf", d.LogValue().String())

	j, err := json.Marshal(d)
	require.NoError(t, err)
	var back apikey.Digest
	require.NoError(t, json.Unmarshal(j, &back))
	assert.Equal(t, d, back)
}

func TestDigestUnmarshalTextRefuses(t *testing.T) {
	whole := strings.Repeat("ab", 32)
	for _, text := range []string{"", "ab", whole[1:], whole[2:], whole + "ab", "x" + whole[1:]} {
		d := apikey.DigestOf("abc")
		err := d.UnmarshalText([]byte(text))
		require.ErrorIs(t, err, apikey.ErrInvalid, text)
		require.ErrorContains(t, err, fmt.Sprintf("digest: %d characters: want 64 hexadecimal digits", len(text)))
		require.Equal(t, apikey.DigestOf("abc"), d, "unchanged")
	}
}

func BenchmarkDigestOf(b *testing.B) {
	for _, n := range []int{43, 128, 10_000} {
		s := strings.Repeat("x", n)
		b.Run(fmt.Sprintf("bytes=%d", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_ = apikey.DigestOf(s)
			}
		})
	}
}
