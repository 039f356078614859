package admin

import (
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"strconv"
	"strings"

	"github.com/ration-go/ration/apikey"
)

// A restriction asks what a key may be used for, and from where.
type restriction struct {
	Key              apikey.Key
	Version          string // of the key when the form was first loaded
	Scopes, Networks string // one a line
	Errors           []string
}

// errStale says that a key has changed since the form was loaded.
var errStale = errors.New("the key has changed")

// askRestrict asks for the scopes and the networks of a key.
func (h *Handler) askRestrict(r *http.Request) (*answer, error) {
	k, err := h.keys.Get(r.Context(), r.PathValue("key"))
	if err != nil {
		return nil, err
	}
	return restriction{Key: k, Version: strconv.FormatInt(k.Version, 10), Scopes: strings.Join(k.Scopes, "\n"), Networks: strings.Join(networkTexts(k.Networks), "\n")}.page(), nil
}

// page returns the form, with the faults of what was sent if there are any.
func (f restriction) page() *answer {
	a := &answer{template: "restrict", title: "Scopes and networks", data: f}
	if len(f.Errors) > 0 {
		a.status = http.StatusUnprocessableEntity
	}
	return a
}

// restrict sets the scopes and the networks of a key. The form has the version of the
// key, so that it does not undo what others have changed meanwhile.
func (h *Handler) restrict(r *http.Request) (*answer, error) {
	h.once.Lock()
	defer h.once.Unlock()
	k, err := h.keys.Get(r.Context(), r.PathValue("key"))
	if err != nil {
		return nil, err
	}
	f := restriction{Key: k, Version: r.PostForm.Get("version"), Scopes: r.PostForm.Get("scopes"), Networks: r.PostForm.Get("networks")}
	networks, err := parseNetworks(f.Networks)
	if err == nil {
		_, err = h.keys.Update(r.Context(), k.ID, func(k *apikey.Key) error {
			if strconv.FormatInt(k.Version, 10) != f.Version {
				return errStale
			}
			k.Scopes, k.Networks = strings.Fields(f.Scopes), networks
			return nil
		})
	}
	switch {
	case errors.Is(err, errStale):
		return nil, &problem{http.StatusConflict, "The key was changed since the form was loaded, or the form was sent already. Nothing was changed now. Load the form again."}
	case isFault(err):
		f.Errors = strings.Split(err.Error(), "\n")
		return f.page(), nil
	case err != nil:
		return nil, err
	}
	return &answer{location: "/keys/" + k.ID + "?done=restricted"}, nil
}

// parseNetworks reads prefixes with blanks, lines or commas between them. A single
// address stands for itself.
func parseNetworks(text string) (list []netip.Prefix, err error) {
	var errs []error
	for _, word := range strings.FieldsFunc(text, func(c rune) bool { return strings.ContainsRune(", \t\r\n", c) }) {
		p, err := netip.ParsePrefix(word)
		if addr, addrErr := netip.ParseAddr(word); err != nil && addrErr == nil && addr.Zone() == "" {
			p, err = netip.PrefixFrom(addr, addr.BitLen()), nil
		}
		if err != nil {
			errs = append(errs, formFault(fmt.Sprintf("networks: %.60q: want an address or a prefix such as 192.0.2.0/24", word)))
			continue
		}
		list = append(list, p)
	}
	return list, errors.Join(errs...)
}

// networkTexts returns prefixes as the page shows them.
func networkTexts(networks []netip.Prefix) (texts []string) {
	for _, p := range networks {
		texts = append(texts, p.String())
	}
	return texts
}
