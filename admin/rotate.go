package admin

import (
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/ration-go/ration/apikey"
)

// graces are the times for which a previous secret stays good.
var graces = []struct {
	Value string
	Text  string
	For   time.Duration
}{
	{"24h", "1 day", 24 * time.Hour},
	{"168h", "7 days", 7 * 24 * time.Hour},
	{"720h", "30 days", 30 * 24 * time.Hour},
	{"1h", "1 hour", time.Hour},
	{"0", "not at all: it ends at once", 0},
}

// A rotation asks how long the previous secret is to stay good.
type rotation struct {
	Key      apikey.Key
	Graces   any
	Retiring bool // another secret is retiring still, and would end
}

// askRotate asks whether to give a key a new secret.
func (h *Handler) askRotate(r *http.Request) (*answer, error) {
	k, err := h.keys.Get(r.Context(), r.PathValue("key"))
	if err != nil {
		return nil, err
	}
	return &answer{template: "rotate", title: "Rotate a key", data: rotation{k, graces, k.RetiringUntil.After(time.Now())}}, nil
}

// errRotated is the answer to a form that is older than the key.
var errRotated = &problem{http.StatusConflict, "The key was changed since the form was loaded, or the form was sent already. The key was not rotated now. If a new secret was lost, load the form again."}

// rotate gives a key a new secret, and shows it in the answer. The form has the version
// of the key. So a form that is sent twice, even to two processes at once, does not end
// the secret that the first one has made.
func (h *Handler) rotate(r *http.Request) (*answer, error) {
	version, err := strconv.ParseInt(r.PostForm.Get("version"), 10, 64)
	if err != nil {
		return nil, &problem{http.StatusBadRequest, "The form has no version of the key."}
	}
	grace, ok := graceOf(r.PostForm.Get("grace"))
	if !ok {
		return nil, &problem{http.StatusBadRequest, "The form has no time for which the previous secret stays good."}
	}
	k, secret, err := h.keys.RotateVersion(r.Context(), r.PathValue("key"), version, grace)
	switch {
	case errors.Is(err, apikey.ErrConflict):
		return nil, errRotated
	case errors.Is(err, apikey.ErrExpired):
		return nil, &problem{http.StatusConflict, "The key has expired, so it cannot be rotated."}
	case err != nil:
		return nil, err
	}
	shown := shownSecret{Key: k, Secret: string(secret), Rotated: true}
	if grace > 0 {
		shown.Until = when(k.RetiringUntil)
	}
	return &answer{template: "secret", title: "The key was rotated", data: shown}, nil
}

// graceOf returns the time that the value of a form stands for.
func graceOf(value string) (grace time.Duration, ok bool) {
	for _, g := range graces {
		if g.Value == value {
			return g.For, true
		}
	}
	return 0, false
}
