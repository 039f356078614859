package apigateway

import (
	"maps"
	"net/http"
	"strings"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/usageplan"
)

// resource is what an ARN names: arn:aws:apigateway:us-east-1::/apikeys/a1b2c3, or
// /usageplans/u1v2w3. Partition and region are the client's own affair.
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

// retag changes the tags of what an ARN names, or only reads them.
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

// checkTags has the message of AWS for a tag that is AWS's own.
func checkTags(tags apikey.Tags) error {
	for name := range tags {
		if strings.HasPrefix(strings.ToLower(name), "aws:") {
			return badRequest("Invalid tag key. Tag keys cannot start with 'aws:' (case insensitive)")
		}
	}
	return nil
}

// tag is TagResource: what it does not name stays.
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

// untag is UntagResource.
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

// getTags is GetTags.
func (h *Handler) getTags(r *http.Request) (int, any, error) {
	tags, err := h.retag(r, nil)
	return http.StatusOK, struct {
		Tags map[string]string `json:"tags"`
	}{tagged(tags)}, err
}
