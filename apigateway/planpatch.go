package apigateway

import (
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/ration-go/ration/usageplan"
)

const (
	stageForm  = "/apiStages/<apidId:stageName>/throttle" // "apid" is how AWS spells it in its messages
	methodForm = stageForm + "/<resourcePath>/<httpMethod>"
)

var planPatches = patches{
	"add": {
		"/productCode", "/quota/limit", "/quota/offset", "/quota/period", "/throttle/rateLimit", "/throttle/burstLimit",
		"/apiStages", stageForm, methodForm + "/rateLimit", methodForm + "/burstLimit",
	},
	"replace": {
		"/name", "/description", "/productCode", "/quota/limit", "/quota/offset", "/quota/period", "/throttle/rateLimit",
		"/throttle/burstLimit", stageForm, methodForm + "/rateLimit", methodForm + "/burstLimit",
	},
	"remove": {"/apiStages", "/quota", "/throttle", "/productCode", methodForm, stageForm},
}

// stagePath is a path below /apiStages/, taken apart.
type stagePath struct{ stage, method, figure string }

// parsePath is the form of a path, and its parts if it is a stage's.
func parsePath(op patchOp) (form string, at stagePath) {
	rest, found := strings.CutPrefix(op.Path, "/apiStages/")
	if !found {
		return op.Path, at
	}
	stage, rest, found := strings.Cut(rest, "/throttle")
	if !found || rest != "" && rest[0] != '/' {
		return op.Path, at
	}
	at.stage = unescape(stage)
	if rest == "" {
		return stageForm, at
	}
	at.method = rest[1:]
	if op.Op != "remove" {
		cut := strings.LastIndexByte(at.method, '/')
		if cut < 0 {
			return op.Path, at
		}
		at.method, at.figure = at.method[:cut], at.method[cut:]
	}
	at.method = unescape(at.method)
	return methodForm + at.figure, at
}

// unescape is a part of a JSON pointer (RFC 6901); Terraform and others send it raw,
// which is the same where there is no '~'.
func unescape(s string) string {
	return strings.ReplaceAll(strings.ReplaceAll(s, "~1", "/"), "~0", "~")
}

// patch applies one operation.
func (t *planText) patch(op patchOp) error {
	form, at := parsePath(op)
	if err := planPatches.allow(op, form); err != nil {
		return err
	}
	switch {
	case op.Op == "remove":
		return t.remove(op, form, at)
	case form == "/apiStages":
		return t.addStage(op.Value)
	case at.stage != "" || form == stageForm:
		return t.setMethods(op, form, at)
	}
	return t.set(op)
}

// set is for the figures and texts of the plan itself.
func (t *planText) set(op patchOp) (err error) {
	switch op.Path {
	case "/name":
		t.Name = op.Value
	case "/description":
		t.Description = op.Value
	case "/productCode":
		t.ProductCode = op.Value
	case "/throttle/rateLimit", "/throttle/burstLimit":
		if t.Throttle == nil {
			t.Throttle = new(throttleText)
		}
		err = t.Throttle.set(op.Path[len("/throttle"):], op.Value)
	default:
		if t.Quota == nil {
			t.Quota = new(quotaText)
		}
		err = t.Quota.set(op.Path, op.Value)
	}
	return err
}

func (t *throttleText) set(figure, value string) error {
	if figure == "/rateLimit" {
		n, err := strconv.ParseFloat(value, 64)
		if err != nil || !(n >= 0) || math.IsInf(n, 1) {
			return badRequest("Usage Plan throttle rate limit must be a non-negative numeric")
		}
		t.RateLimit = new(perSecond(n))
		return nil
	}
	n, err := strconv.ParseInt(value, 10, 64)
	if err != nil || n < 0 {
		return badRequest("Usage Plan throttle burst limit must be a non-negative integer")
	}
	t.BurstLimit = &n
	return nil
}

func (t *quotaText) set(path, value string) error {
	if path == "/quota/period" {
		t.Period = value
		return nil
	}
	n, err := strconv.ParseInt(value, 10, 64)
	switch {
	case path == "/quota/limit" && err != nil:
		return badRequest("Usage Plan quota limit must be a non-negative numeric")
	case path == "/quota/limit":
		t.Limit = &n
	case err != nil:
		return badRequest("Usage Plan quota offset must be an integer")
	default:
		t.Offset = &n
	}
	return nil
}

// remove is for what can be taken away.
func (t *planText) remove(op patchOp, form string, at stagePath) error {
	switch form {
	case "/productCode":
		t.ProductCode = ""
	case "/quota":
		t.Quota = nil
	case "/throttle":
		t.Throttle = nil
	case "/apiStages":
		api, stage, err := cutStage(op.Value)
		if err != nil {
			return err
		}
		i := t.find(op.Value)
		if i < 0 {
			return notFound("Invalid API Stage {api: %s, stage: %s} specified for usageplan %s", api, stage, t.ID)
		}
		t.APIStages = slices.Delete(t.APIStages, i, i+1)
		t.detached = len(t.APIStages) == 0
	default:
		s, err := t.stage(at.stage)
		if err != nil {
			return err
		}
		if form == stageForm {
			s.Throttle = nil
			return nil
		}
		method, err := canonical(at.method)
		if err != nil {
			return err
		}
		if _, ok := s.Throttle[method]; !ok {
			return badMethod(method)
		}
		delete(s.Throttle, method)
	}
	return nil
}

func (t *planText) find(text string) int {
	api, stage, _ := strings.Cut(text, ":")
	return slices.IndexFunc(t.APIStages, func(s stageText) bool { return s.APIID == api && s.Stage == stage })
}

// stage is one of the plan's.
func (t *planText) stage(text string) (*stageText, error) {
	if i := t.find(text); i >= 0 {
		return &t.APIStages[i], nil
	}
	return nil, notFound("API Stage not found: %s", text)
}

func (t *planText) addStage(text string) error {
	api, stage, err := cutStage(text)
	if err != nil {
		return err
	}
	if notID(api) { // AWS reads JSON as "api:stage:rest" too, and then finds no such stage
		name, _, _ := strings.Cut(stage, ":")
		return notFound("API Stage not found: %s:%s", api, name)
	}
	if t.find(text) >= 0 { // to add it again changes nothing
		return nil
	}
	if len(t.APIStages) >= usageplan.MaxStages { // so that a long list of them is not slow either
		return tooManyStages()
	}
	t.APIStages, t.detached = append(t.APIStages, stageText{APIID: api, Stage: stage}), false
	return nil
}

// cutStage takes "api:stage" apart.
func cutStage(text string) (api, stage string, err error) {
	api, stage, _ = strings.Cut(text, ":")
	if api == "" || stage == "" {
		return "", "", badRequest("Invalid API Stage specified")
	}
	return api, stage, nil
}

// notID reports whether a text cannot be the id of an API, but is JSON.
func notID(api string) bool { return strings.ContainsAny(api, `{}[]"`) }

func tooManyStages() error {
	return badRequest("Usage Plan can have at most %d API Stages", usageplan.MaxStages)
}

// setMethods is for the throttles of a stage's methods: all of them, or one figure of
// one.
func (t *planText) setMethods(op patchOp, form string, at stagePath) error {
	s, err := t.stage(at.stage)
	if err != nil {
		return err
	}
	if form == stageForm {
		var all map[string]throttleText
		if json.Unmarshal([]byte(op.Value), &all) != nil {
			return badRequest("Invalid value of '%s': want a JSON map of throttle settings by method", op.Path)
		}
		routes, err := byRoute(all)
		s.Throttle = map[string]throttleText{}
		for route, throttle := range routes {
			s.Throttle[methodOf(route)] = throttle
		}
		return err
	}
	method, err := canonical(at.method)
	if err != nil {
		return err
	}
	if s.Throttle == nil {
		s.Throttle = map[string]throttleText{}
	}
	throttle := s.Throttle[method]
	err = throttle.set(at.figure, op.Value)
	s.Throttle[method] = throttle
	return err
}
