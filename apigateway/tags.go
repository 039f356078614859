package apigateway

import (
	"maps"
	"net/http"
	"strings"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/usageplan"
)

// resource returns the kind and the id in an ARN such as
// arn:aws:apigateway:us-east-1::/apikeys/a1b2c3 or ...::/usageplans/u1v2w3. It ignores
// the partition and the region, since the client chooses both and a Handler has neither.
func resource(arn string) (kind, id string, err error) {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) == 6 && parts[0] == "arn" && parts[2] == "apigateway" {
		rest, rooted := strings.CutPrefix(parts[5], "/")
		kind, id, _ = strings.Cut(rest, "/")
		if rooted && id != "" && !strings.Contains(id, "/") && (kind == "apikeys" || kind == "usageplans") {
			return kind, id, nil
		}
	}
	return "", "", badRequest("Invalid ARN specified in the request")
}

// retag changes the tags of the resource that the request's ARN names. If change is nil,
// it returns the tags instead.
func (h *Handler) retag(r *http.Request, change func(apikey.Tags) apikey.Tags) (tags apikey.Tags, err error) {
	kind, id, err := resource(r.PathValue("arn"))
	if err != nil {
		return nil, err
	}
	if kind == "apikeys" {
		if change == nil {
			k, err := h.keys.Get(r.Context(), id)
			return k.Tags, err
		}
		_, err = h.keys.Update(r.Context(), id, func(k *apikey.Key) error { k.Tags = change(k.Tags); return nil })
		return nil, err
	}
	if change == nil {
		p, err := h.plans.Get(r.Context(), id)
		return p.Tags, err
	}
	_, err = h.plans.Update(r.Context(), id, func(p *usageplan.Plan) error { p.Tags = change(p.Tags); return nil })
	return nil, err
}

// checkTags refuses tags with the prefix that AWS reserves, in AWS's words.
func checkTags(tags apikey.Tags) error {
	for name := range tags {
		if strings.HasPrefix(strings.ToLower(name), "aws:") {
			return badRequest("Invalid tag key. Tag keys cannot start with 'aws:' (case insensitive)")
		}
	}
	return nil
}

// tag serves TagResource. Tags that the request does not name stay.
func (h *Handler) tag(r *http.Request) (int, any, error) {
	var in struct{ Tags apikey.Tags }
	if err := read(r, &in); err != nil {
		return 0, nil, err
	}
	if err := checkTags(in.Tags); err != nil {
		return 0, nil, err
	}
	_, err := h.retag(r, func(tags apikey.Tags) apikey.Tags {
		if tags == nil {
			tags = apikey.Tags{}
		}
		maps.Copy(tags, in.Tags)
		return tags
	})
	return http.StatusNoContent, nil, err
}

// untag serves UntagResource.
func (h *Handler) untag(r *http.Request) (int, any, error) {
	names := r.URL.Query()["tagKeys"]
	_, err := h.retag(r, func(tags apikey.Tags) apikey.Tags {
		for _, name := range names {
			delete(tags, name)
		}
		return tags
	})
	return http.StatusNoContent, nil, err
}

// getTags serves GetTags.
func (h *Handler) getTags(r *http.Request) (int, any, error) {
	tags, err := h.retag(r, nil)
	return http.StatusOK, struct {
		Tags map[string]string `json:"tags"`
	}{tagged(tags)}, err
}
