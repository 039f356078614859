package apigateway

import (
	"math"
	"strconv"
	"strings"
)

// Forms of the paths below /apiStages/, as AWS writes them in its messages. "apidId" is
// AWS's spelling.
const (
	stageForm  = "/apiStages/<apidId:stageName>/throttle"
	methodForm = stageForm + "/<resourcePath>/<httpMethod>"
)

// planPatches are the paths of UpdateUsagePlan, from the page "Patch Operations" of AWS's
// API reference. Those of "remove" are in the order of AWS's error text.
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

// stagePath holds the parts of a path below /apiStages/. figure is "/rateLimit" or
// "/burstLimit", or empty if the path names no figure.
type stagePath struct{ stage, method, figure string }

// parsePath returns the form of a path, and its parts if it is the path of a stage. A
// path that it cannot read is its own form, which planPatches then refuses.
//
// The resource path in the middle has slashes of its own, as in
// /apiStages/api:prod/throttle//pets/GET/rateLimit: AWS's guide and Terraform write it
// without escapes. So the parts are cut from the two ends, never by splitting at slashes.
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
	// rest is such as "//pets/GET": a separator, and a path that begins with a slash.
	at.method = rest[1:]
	if op.Op != "remove" { // which names a method, and none of its figures
		cut := strings.LastIndexByte(at.method, '/')
		if cut < 0 {
			return op.Path, at
		}
		at.method, at.figure = at.method[:cut], at.method[cut:]
	}
	at.method = unescape(at.method)
	return methodForm + at.figure, at
}

// unescape decodes a part of a JSON pointer (RFC 6901), which AWS's reference asks for.
// Terraform and others send the part without escapes. Both are the same where the part
// has no '~'. "~1" is decoded first, so that "~01" becomes "~1" and not "/".
func unescape(s string) string {
	return strings.ReplaceAll(strings.ReplaceAll(s, "~1", "/"), "~0", "~")
}

// patch applies one operation to the plan's wire form. The whole form is validated only
// after the last operation, by fill. A quota can so be added by three operations, for its
// limit, offset and period, as Terraform does.
func (t *planText) patch(op patchOp) error {
	// After allow, the op and the form are one of planPatches. The methods below rely on
	// that and have no default for others.
	form, at := parsePath(op)
	if err := planPatches.allow(op, form); err != nil {
		return err
	}
	switch {
	case op.Op == "remove":
		return t.remove(op, form, at)
	case form == "/apiStages":
		return t.addStage(op.Value)
	case at.stage != "" || form == stageForm: // an empty stage name is "not found", too
		return t.setMethods(op, form, at)
	}
	return t.set(op)
}

// set changes a text or a figure of the plan itself. It creates the throttle or the quota
// that the figure belongs to.
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

// set changes one figure of a throttle. "NaN" and "Inf" parse as numbers, so the bounds
// refuse them: !(n >= 0) is true for NaN.
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

// set changes one figure of a quota. The ranges depend on the period, which a later
// operation may change, so quota checks them.
func (t *quotaText) set(path, value string) error {
	if path == "/quota/period" {
		t.Period = value
		return nil
	}
	// A negative limit is refused by quota. Its message is the same, and says "numeric" for
	// a whole number: both are AWS's.
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

// remove applies an operation "remove". Removing a stage or a method that the plan does
// not have is an error. Removing any other part that is absent changes nothing.
func (t *planText) remove(op patchOp, form string, at stagePath) error {
	switch form {
	case "/productCode":
		t.ProductCode = ""
	case "/quota":
		t.Quota = nil
	case "/throttle":
		t.Throttle = nil
	case "/apiStages":
		return t.removeStage(op.Value)
	default:
		return t.removeMethods(form, at)
	}
	return nil
}
