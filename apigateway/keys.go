package apigateway

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/ration-go/ration/apikey"
)

// keyText is an ApiKey in an answer. AWS always sends stageKeys, as [] if there are none,
// and omits empty texts. Dates are seconds as a number: the Go SDK refuses text there.
type keyText struct {
	ID              string            `json:"id"`
	Value           string            `json:"value,omitzero"`
	Name            string            `json:"name,omitzero"`
	CustomerID      string            `json:"customerId,omitzero"`
	Description     string            `json:"description,omitzero"`
	Enabled         bool              `json:"enabled"`
	CreatedDate     int64             `json:"createdDate"`
	LastUpdatedDate int64             `json:"lastUpdatedDate"`
	StageKeys       []string          `json:"stageKeys"`
	Tags            map[string]string `json:"tags,omitzero"`
}

// keyOf returns k without its tags. AWS leaves the tags out of lists.
func keyOf(k *apikey.Key, value apikey.Secret) keyText {
	return keyText{
		ID: k.ID, Value: string(value), Name: k.Name, CustomerID: k.CustomerID, Description: k.Description, Enabled: k.Enabled,
		CreatedDate: k.Created.Unix(), LastUpdatedDate: k.Updated.Unix(), StageKeys: append([]string{}, k.StageKeys...),
	}
}

// tagged returns tags as AWS sends them with a single key or plan: {} if there are none.
// A creation is the exception. It omits tags that were not given.
func tagged(tags apikey.Tags) map[string]string {
	if tags == nil {
		return map[string]string{}
	}
	return tags
}

// createKeys serves CreateApiKey and ImportApiKeys, which differ only in the query. A key
// is disabled unless the request enables it, as in AWS. (An import enables by default.)
func (h *Handler) createKeys(r *http.Request) (int, any, error) {
	if r.URL.Query().Get("mode") == "import" {
		return h.importKeys(r)
	}
	// generateDistinctId is accepted and ignored. AWS deprecates it.
	var in struct {
		Name, Description, Value, CustomerID string
		Enabled                              bool
		Tags                                 apikey.Tags
		StageKeys                            []stageKeyText
	}
	if err := read(r, &in); err != nil {
		return 0, nil, err
	}
	stages, err := stageKeysOf(in.StageKeys)
	if err != nil {
		return 0, nil, err
	}
	k := apikey.Key{Name: in.Name, Description: in.Description, CustomerID: in.CustomerID, Enabled: in.Enabled, Tags: in.Tags, StageKeys: stages}
	// These checks only choose the words. apikey refuses the same keys without them.
	if err := errors.Join(checkTexts(&k), checkTags(k.Tags)); err != nil {
		return 0, nil, err
	}
	// A value that the caller chose is imported: it must be one that the KeyFormat accepts.
	// AWS treats an empty value as none, too.
	value := apikey.Secret(in.Value)
	if value == "" {
		k, value, err = h.keys.Create(r.Context(), k)
	} else if err = checkValue(in.Value); err == nil {
		k, err = h.keys.Import(r.Context(), k, value)
	}
	if err != nil {
		return 0, nil, err
	}
	// The value is shown here even if it is not sealed. It is the only time.
	out := keyOf(&k, value)
	out.Tags = k.Tags
	return http.StatusCreated, out, nil
}

// checkTexts refuses long texts in the words of AWS, before apikey refuses them in its
// own. LocalStack recorded the messages and the limits of both checks from AWS.
func checkTexts(k *apikey.Key) error {
	if utf8.RuneCountInString(k.Name) > 1024 {
		return badRequest("Invalid API Key name, can be at most 1024 characters.")
	}
	if utf8.RuneCountInString(k.Description) > 125_000 {
		return badRequest("Invalid API Key description specified.")
	}
	return nil
}

// checkValue does the same for the length of a key's value.
func checkValue(value string) error {
	n := utf8.RuneCountInString(value) // AWS's documentation counts characters, not bytes
	if n < 20 {
		return badRequest("API Key value should be at least 20 characters")
	}
	if n > 128 {
		return badRequest("API Key value exceeds maximum size of 128 characters")
	}
	return nil
}

// getKey serves GetApiKey.
func (h *Handler) getKey(r *http.Request) (int, any, error) {
	k, err := h.keys.Get(r.Context(), r.PathValue("key"))
	if err != nil {
		return 0, nil, err
	}
	out := keyOf(&k, h.value(&k, flag(r, "includeValue")))
	out.Tags = tagged(k.Tags)
	return http.StatusOK, out, nil
}

// value returns the secret of a key if it is wanted and was sealed. It ignores the error
// of Open: most services store no secrets, and AWS's clients accept a key without a
// value.
func (h *Handler) value(k *apikey.Key, wanted bool) apikey.Secret {
	if !wanted {
		return ""
	}
	value, _ := h.keys.Unseal(k)
	return value
}

// flag returns a boolean parameter of the query. Anything but a boolean counts as false.
func flag(r *http.Request, name string) bool {
	on, _ := strconv.ParseBool(r.URL.Query().Get(name))
	return on
}

// getKeys serves GetApiKeys. The name in the query selects names with that prefix, in the
// same case, as AWS does.
func (h *Handler) getKeys(r *http.Request) (int, any, error) {
	query := r.URL.Query()
	filter := apikey.Filter{NamePrefix: query.Get("name"), CustomerID: query.Get("customerId")}
	values := flag(r, "includeValues")
	out, err := collect(query, func(cursor string, limit int) ([]apikey.Key, string, error) {
		return h.keys.List(r.Context(), filter, cursor, limit)
	}, func(k *apikey.Key) (keyText, bool, error) { return keyOf(k, h.value(k, values)), true, nil })
	return http.StatusOK, out, err
}

// updateKey serves UpdateApiKey. All operations run inside one Update, so a fault in one
// of them changes nothing. The answer has no value, as in AWS.
func (h *Handler) updateKey(r *http.Request) (int, any, error) {
	ops, err := readPatch(r)
	if err != nil {
		return 0, nil, err
	}
	k, err := h.keys.Update(r.Context(), r.PathValue("key"), func(k *apikey.Key) error {
		for _, op := range ops {
			if err := patchKey(k, op); err != nil {
				return err
			}
		}

		// Only the last value of a text counts, so the check comes after all operations.
		return checkTexts(k)
	})
	if err != nil {
		return 0, nil, err
	}
	out := keyOf(&k, "")
	out.Tags = tagged(k.Tags)
	return http.StatusOK, out, nil
}

// keyPatches are the paths that AWS documents for UpdateApiKey.
var keyPatches = patches{
	"replace": {"/description", "/enabled", "/name", "/customerId"},
	"add":     {"/labels", "/stages"},
	"remove":  {"/labels", "/stages"},
}

// patchKey applies one operation. /labels is accepted and has no effect.
func patchKey(k *apikey.Key, op patchOp) error {
	if err := keyPatches.allow(op, op.Path); err != nil {
		return err
	}
	switch op.Path {
	case "/name":
		k.Name = op.Value
	case "/description":
		k.Description = op.Value
	case "/customerId":
		k.CustomerID = op.Value
	case "/stages":
		return patchStages(k, op)
	case "/enabled":
		// AWS accepts any text, and reads every text but "true" as false.
		k.Enabled = strings.EqualFold(op.Value, "true")
	}
	return nil
}

// deleteKey serves DeleteApiKey. AWS deletes a key that is in plans, and removes it from
// them. The links are read before the key is deleted, because afterwards nothing leads
// to them. They are removed after it, so that a failure half-way leaves no key that is
// admitted.
func (h *Handler) deleteKey(r *http.Request) (int, any, error) {
	ctx, id := r.Context(), r.PathValue("key")
	links, err := h.plans.KeyLinks(ctx, id)
	if err != nil {
		return 0, nil, err
	}
	if err := h.keys.Delete(ctx, id); err != nil {
		return 0, nil, err
	}
	var errs []error
	for _, l := range links {
		errs = append(errs, h.plans.Unlink(ctx, l.PlanID, id))
	}
	if err := errors.Join(errs...); err != nil {
		// The key is deleted, so the answer is a success. A link of a key that does not exist
		// admits nobody, and Prune removes it.
		h.log(r, err)
	}
	return http.StatusAccepted, nil, nil
}
