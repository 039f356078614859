package main

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/internal/pgtest"
	"github.com/ration-go/ration/internal/redistest"
)

const text = `
plans:
  - {id: free, throttle: 5/s burst 10, quotas: [1000/day]}
  - {id: pro, throttle: 50/s, for: {"GET /pets": {quotas: [10/day]}}, stages: [pets:prod]}
groups:
  - {id: search, parentId: acme}
  - {id: acme, planId: free, throttles: []}
keys:
  - {id: k, groupId: search, enabled: true, tags: {env: prod}, digest: "4d6d2ae8a5bd4cae1c80e4b8bcb2fe1a6d42e2a8dbd1f90af9b2d2de28bbd2c7"}
links:
  - {planId: free, keyId: k, quotas: [10/day]}
  - {planId: pro, keyId: k}
`

// TestCommands runs every command over each store that gateways share. The export of a
// store makes the same of an empty one.
func TestCommands(t *testing.T) {
	t.Parallel()
	for name, open := range map[string]func() string{
		"sqlite":   func() string { return "sqlite:" + filepath.Join(t.TempDir(), "ration.db") },
		"postgres": func() string { return pgtest.Start(t).Database(t) },
		"redis":    func() string { return "redis://" + redistest.Start(t) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "plans.yaml")
			require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
			store := open()
			wanted, err := output(t, "diff", "-store", store, path)
			require.ErrorIs(t, err, errDiffers)
			require.Contains(t, wanted, "+ create link of key k to plan free\n    quotas: [10/day]\n")
			made, err := output(t, "apply", "-store", store, path)
			require.NoError(t, err)
			require.Equal(t, wanted, made)
			again, err := output(t, "diff", "-store", store, "-prune", path)
			require.NoError(t, err)
			require.Equal(t, "no changes\n", again)

			first, err := output(t, "export", "-store", store, "-digests")
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(path, []byte(first), 0o600))
			schema, err := output(t, "schema")
			require.NoError(t, err)
			require.Contains(t, schema, `"$schema"`)
			_, err = output(t, "check", path)
			require.NoError(t, err)
			other := open()
			_, err = output(t, "apply", "-store", other, path)
			require.NoError(t, err)
			second, err := output(t, "export", "-store", other, "-digests")
			require.NoError(t, err)
			require.Equal(t, first, second)
			least, err := output(t, "export", "-store", other, "-without-keys")
			require.NoError(t, err)
			require.NotContains(t, least, "keys:")
		})
	}
}

func output(t *testing.T, args ...string) (string, error) {
	t.Helper()
	var out strings.Builder
	err := run(t.Context(), args, &out, io.Discard)
	return out.String(), err
}

// TestWrongCommands checks commands that are refused.
func TestWrongCommands(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "plans.yaml")
	require.NoError(t, os.WriteFile(path, []byte("plans: [{id: a, throtle: 5/s}]"), 0o600))
	db := "sqlite:" + filepath.Join(t.TempDir(), "ration.db")
	for args, want := range map[string]string{
		"":                                "want check FILE",
		"check":                           "want check FILE",
		"diff " + path:                    "want check FILE",
		"export -store x y":               "want check FILE",
		"undo -store " + db + " " + path:  "want check FILE",
		"check " + path:                   path + ":1:17: plans[0].throtle: unknown member: did you mean throttle?",
		"check -prune " + path:            "flag provided but not defined: -prune",
		"check -store x " + path:          "flag provided but not defined: -store",
		"diff -store x -digests " + path:  "flag provided but not defined: -digests",
		"export -store x -prune":          "flag provided but not defined: -prune",
		"check /none":                     "no such file",
		"diff -store memory " + path:      "memory: want a store that the gateway shares",
		"apply -store x " + path:          "-store: want memory, sqlite:PATH",
		"apply -store " + db + " " + path: path + ":1:17: plans[0].throtle",
	} {
		_, err := output(t, strings.Fields(args)...)
		require.ErrorContains(t, err, want, args)
	}
}

// TestHelp asks which commands there are.
func TestHelp(t *testing.T) {
	t.Parallel()
	for _, arg := range []string{"-h", "-help", "--help", "help"} {
		help, err := output(t, arg)
		require.NoError(t, err)
		require.Equal(t, "plans: "+usage+"\n", help)
	}
}
