package apikey_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"strings"
	"testing"
	"text/template"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
)

func TestSecretString(t *testing.T) {
	for value, want := range map[string]string{
		good: "acme_…B32S",
		"a-b_c_0123456789abcdefghijABCDEFGHIJ011MJNwS": "a-b_c_…JNwS",
		"x_0123456789abcdefghijABCDEFGHIJ014Lz9ix":     "x_…z9ix",
		"":                          "…",
		"short":                     "…",
		strings.ToLower(good):       "…",
		"!234567890123456789~":      "…",
		strings.Repeat("x", 10_000): "…",
	} {
		assert.Equal(t, want, apikey.Secret(value).String())
	}
}

// TestSecretIsNeverShown checks that no package that turns values into text shows any
// part of the random characters.
func TestSecretIsNeverShown(t *testing.T) {
	secret := apikey.Secret(good)
	key := apikey.Key{ID: "k1", Name: "n", Hint: secret.String(), Digest: apikey.DigestOf(good)}
	type holder struct {
		Name   string
		Secret apikey.Secret
		Ptr    *apikey.Secret
		Key    apikey.Key
	}
	values := map[string]any{
		"secret":    secret,
		"pointer":   &secret,
		"struct":    holder{"n", secret, &secret, key},
		"to struct": &holder{"n", secret, &secret, key},
		"slice":     []apikey.Secret{secret},
		"array":     [2]apikey.Secret{secret, secret},
		"map":       map[string]apikey.Secret{"a": secret},
		"any":       []any{secret, &secret},
		"nested":    map[string]any{"a": []holder{{"n", secret, nil, key}}},
		"key":       key,
		"to key":    &key,
	}
	shown := func(t *testing.T, how, text string) {
		t.Helper()
		hexed, decimals := fmt.Sprintf("%x", good[5:37]), fmt.Sprint([]byte(good[5:13]))
		for _, hidden := range []string{good[5:13], hexed[:16], strings.ToUpper(hexed[:16]), strings.Trim(decimals, "[]")} {
			assert.NotContains(t, strings.ReplaceAll(text, ", ", " "), hidden, how)
		}
	}
	for name, v := range values {
		t.Run(name, func(t *testing.T) {
			// The verbs %p and %w of a Secret itself have no hook. Vet refuses %w.
			for _, verb := range "vsqxXdbcoOUteEfFgGT" {
				for _, flags := range []string{"", "+", "#", "-", " ", "0", "80", ".3", "+#80.3"} {
					format := "%" + flags + string(verb)
					shown(t, format, fmt.Sprintf(format, v))
				}
			}
			shown(t, "Errorf", fmt.Errorf("with %v", v).Error())
			shown(t, "Join", errors.Join(fmt.Errorf("with %s", v)).Error())

			var buf bytes.Buffer
			log.New(&buf, "", 0).Print(v)
			opts := &slog.HandlerOptions{AddSource: true}
			for _, h := range []slog.Handler{slog.NewTextHandler(&buf, opts), slog.NewJSONHandler(&buf, opts)} {
				l := slog.New(h).With("with", v)
				l.Info("message", "value", v, slog.Group("group", "in", v))
			}
			require.NoError(t, template.Must(template.New("").Parse(`{{.}} {{printf "%q" .}}`)).Execute(&buf, v))
			shown(t, "log", buf.String())

			j, err := json.Marshal(v)
			require.NoError(t, err)
			shown(t, "JSON", string(j))
			if x, err := xml.Marshal(v); err == nil { // XML has no maps
				shown(t, "XML", string(x))
			}
		})
	}
}

func TestSecretShowsTheHint(t *testing.T) {
	secret, hint := apikey.Secret(good), "acme_…B32S"
	for _, verb := range []string{"%v", "%s", "%q", "%x", "%d", "%#v", "%+v", "%100s"} {
		assert.Equal(t, hint, fmt.Sprintf(verb, secret), verb)
	}
	assert.Equal(t, hint, secret.GoString())
	assert.Equal(t, hint, secret.LogValue().String())
	j, err := json.Marshal(map[string]any{"secret": secret})
	require.NoError(t, err)
	assert.Equal(t, `{"secret":"acme_…B32S"}`, string(j))
}

func TestSecretIsReadFromJSON(t *testing.T) {
	var config struct{ Secret apikey.Secret }
	require.NoError(t, json.Unmarshal([]byte(`{"Secret":"`+good+`"}`), &config))
	assert.True(t, string(config.Secret) == good)
}
