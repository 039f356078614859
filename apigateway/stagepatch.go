package apigateway

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/ration-go/ration/usageplan"
)

// removeStage removes the stage "api:stage".
//
// In AWS a plan without stages admits nobody. Here a plan that was created without stages
// counts on all of them. So the plan must remember that its last stage was removed:
// removing a stage must never admit anybody.
func (t *planText) removeStage(text string) error {
	api, stage, err := cutStage(text)
	if err != nil {
		return err
	}
	i := t.indexStage(text)
	if i < 0 {
		return notFound("Invalid API Stage {api: %s, stage: %s} specified for usageplan %s", api, stage, t.ID)
	}

	t.APIStages = slices.Delete(t.APIStages, i, i+1)
	t.detached = len(t.APIStages) == 0
	return nil
}

// removeMethods removes the throttle of one method of a stage, or those of all its
// methods.
func (t *planText) removeMethods(form string, at stagePath) error {
	s, err := t.stage(at.stage)
	if err != nil {
		return err
	}
	if form == stageForm {
		s.Throttle = nil
		return nil
	}

	// The map has canonical names only. So any spelling of a method removes it.
	method, err := canonical(at.method)
	if err != nil {
		return err
	}
	if _, ok := s.Throttle[method]; !ok {
		return badMethod(method)
	}
	delete(s.Throttle, method)
	return nil
}

// indexStage returns the index of the stage "api:stage", or -1.
func (t *planText) indexStage(text string) int {
	api, stage, _ := strings.Cut(text, ":")
	return slices.IndexFunc(t.APIStages, func(s stageText) bool { return s.APIID == api && s.Stage == stage })
}

// stage returns the plan's stage "api:stage".
func (t *planText) stage(text string) (*stageText, error) {
	if i := t.indexStage(text); i >= 0 {
		return &t.APIStages[i], nil
	}
	return nil, notFound("API Stage not found: %s", text)
}

// addStage adds the stage "api:stage". Adding a stage again changes nothing.
func (t *planText) addStage(text string) error {
	api, stage, err := cutStage(text)
	if err != nil {
		return err
	}
	// A frequent mistake is a value in JSON, such as {"apiId":"a","stage":"s"}. AWS also
	// cuts it at the colons, and then finds no such stage.
	if notID(api) {
		name, _, _ := strings.Cut(stage, ":")
		return notFound("API Stage not found: %s:%s", api, name)
	}
	if t.indexStage(text) >= 0 {
		return nil
	}
	// fill checks the number, too. Without this check a long list of operations would take
	// quadratic time before fill sees it.
	if len(t.APIStages) >= usageplan.MaxStages {
		return tooManyStages()
	}
	t.APIStages, t.detached = append(t.APIStages, stageText{APIID: api, Stage: stage}), false
	return nil
}

// cutStage returns the parts of "api:stage".
func cutStage(text string) (api, stage string, err error) {
	api, stage, _ = strings.Cut(text, ":")
	if api == "" || stage == "" {
		return "", "", badRequest("Invalid API Stage specified")
	}
	return api, stage, nil
}

// notID reports whether a text has characters of JSON, which no id of an API has.
func notID(api string) bool { return strings.ContainsAny(api, `{}[]"`) }

func tooManyStages() error {
	return badRequest("Usage Plan can have at most %d API Stages", usageplan.MaxStages)
}

// setMethods changes throttles of a stage's methods. The path names one figure of one
// method, or the stage, whose value is then a JSON map that replaces all of its
// throttles.
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
		// byRoute finds duplicates among the spellings. An error discards the whole patch, so
		// it does not matter that the map is replaced before the error is returned.
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
	// The map has values, not pointers: the throttle is copied, changed and stored again.
	throttle := s.Throttle[method]
	err = throttle.set(at.figure, op.Value)
	s.Throttle[method] = throttle
	return err
}
