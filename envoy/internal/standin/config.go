package standin

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"

	bootstrapv3 "github.com/envoyproxy/go-control-plane/envoy/config/bootstrap/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	commonv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/common/ratelimit/v3"
	extauthzv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/ext_authz/v3"
	headertometadatav3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/header_to_metadata/v3"
	limitv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/ratelimit/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/router/v3" // is named by configurations
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/upstreams/http/v3" // is named by configurations
	"go.yaml.in/yaml/v3"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/structpb"
)

// Read reads a configuration of Envoy, and checks it by the types and the rules of
// Envoy's protocol buffers, those of all its filters included.
func Read(text string) (*bootstrapv3.Bootstrap, error) {
	var tree any
	if err := yaml.Unmarshal([]byte(text), &tree); err != nil {
		return nil, err
	}
	encoded, err := json.Marshal(tree)
	if err != nil {
		return nil, err
	}
	b := new(bootstrapv3.Bootstrap)
	if err := protojson.Unmarshal(encoded, b); err != nil {
		return nil, err
	}
	return b, validate(b)
}

// validate checks a message by its own rules, and each message that is packed in it.
func validate(m proto.Message) (err error) {
	if v, ok := m.(interface{ ValidateAll() error }); ok {
		if err := v.ValidateAll(); err != nil {
			return err
		}
	}
	visit := func(v protoreflect.Value) bool {
		inner := v.Message().Interface()
		if packed, ok := inner.(*anypb.Any); ok {
			if inner, err = packed.UnmarshalNew(); err != nil {
				return false
			}
		}
		err = validate(inner)
		return err == nil
	}
	m.ProtoReflect().Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case f.IsMap():
			if f.MapValue().Message() != nil {
				v.Map().Range(func(_ protoreflect.MapKey, v protoreflect.Value) bool { return visit(v) })
			}
		case f.Message() == nil:
		case f.IsList():
			for i := 0; i < v.List().Len() && err == nil; i++ {
				visit(v.List().Get(i))
			}
		default:
			visit(v)
		}
		return err == nil
	})
	return err
}

// New returns a Proxy that does what a configuration says, of the little that the Proxy
// knows: the first listener, its routes by path or prefix, and rate limits at the end of
// a response.
func New(b *bootstrapv3.Bootstrap) (*Proxy, error) {
	manager := new(hcmv3.HttpConnectionManager)
	chain := b.GetStaticResources().GetListeners()[0].GetFilterChains()[0]
	if err := chain.GetFilters()[0].GetTypedConfig().UnmarshalTo(manager); err != nil {
		return nil, err
	}
	auth, limits, fields := new(extauthzv3.ExtAuthz), new(limitv3.RateLimit), new(headertometadatav3.Config)
	for _, f := range manager.GetHttpFilters() {
		for _, known := range []proto.Message{auth, limits, fields} {
			if f.GetTypedConfig().MessageIs(known) {
				if err := f.GetTypedConfig().UnmarshalTo(known); err != nil {
					return nil, err
				}
			}
		}
	}
	routes := manager.GetRouteConfig().GetVirtualHosts()[0].GetRoutes()
	return &Proxy{
		RawHeaders: auth.GetEncodeRawHeaders(), Domain: limits.GetDomain(),
		Extensions: func(r *http.Request) map[string]string {
			return settings(routeOf(routes, r)).GetContextExtensions()
		},
		Late: func(r *http.Request, metadata *structpb.Struct, answer http.Header) []*commonv3.RateLimitDescriptor {
			values := map[string]string{} // of dynamic metadata, such as "tokens:used"
			for _, rule := range fields.GetResponseRules() {
				to := rule.GetOnHeaderPresent()
				values[to.GetMetadataNamespace()+":"+to.GetKey()] = answer.Get(rule.GetHeader())
				if rule.GetRemove() {
					answer.Del(rule.GetHeader())
				}
			}
			for name, value := range metadata.GetFields() {
				values["envoy.filters.http.ext_authz:"+name] = value.GetStringValue()
			}
			return lateOf(routeOf(routes, r), values)
		},
	}, nil
}

// routeOf returns the first route that matches.
func routeOf(routes []*routev3.Route, r *http.Request) *routev3.Route {
	for _, route := range routes {
		match := route.GetMatch()
		if match.GetPath() == r.URL.Path || match.GetPrefix() != "" && strings.HasPrefix(r.URL.Path, match.GetPrefix()) {
			return route
		}
	}
	return nil
}

// settings returns what a route says about external authorization.
func settings(route *routev3.Route) *extauthzv3.CheckSettings {
	s := new(extauthzv3.ExtAuthzPerRoute)
	if packed := route.GetTypedPerFilterConfig()["envoy.filters.http.ext_authz"]; packed != nil {
		_ = packed.UnmarshalTo(s)
	}
	return s.GetCheckSettings()
}

// lateOf returns the descriptors of a route for the end of a response. values has dynamic
// metadata. A descriptor that lacks a value is not made.
func lateOf(route *routev3.Route, values map[string]string) (all []*commonv3.RateLimitDescriptor) {
	for _, limit := range route.GetRoute().GetRateLimits() {
		if !limit.GetApplyOnStreamDone() {
			continue
		}
		var pairs []string
		for _, action := range limit.GetActions() {
			if m := action.GetMetadata(); m != nil {
				path := m.GetMetadataKey().GetPath()[0].GetKey()
				pairs = append(pairs, m.GetDescriptorKey(), values[m.GetMetadataKey().GetKey()+":"+path])
			}
			if g := action.GetGenericKey(); g != nil {
				pairs = append(pairs, g.GetDescriptorKey(), g.GetDescriptorValue())
			}
		}
		format := strings.TrimSuffix(strings.TrimPrefix(limit.GetHitsAddend().GetFormat(), "%DYNAMIC_METADATA("), ")%")
		if n, err := strconv.ParseUint(values[format], 10, 64); err == nil {
			all = append(all, WithHits(n, Descriptor(pairs...))...)
		}
	}
	return all
}
