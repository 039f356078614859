package apigateway

import (
	"slices"
	"strings"

	"github.com/ration-go/ration/apikey"
)

// stageKeyText is a StageKey on the wire of CreateApiKey. Answers have "api/stage"
// instead.
type stageKeyText struct{ RestAPIID, StageName string }

// stageKeysOf returns the stages of a request, each once.
func stageKeysOf(list []stageKeyText) (stages []string, err error) {
	for _, s := range list {
		if stages, err = withStage(stages, s.RestAPIID+"/"+s.StageName); err != nil {
			return nil, err
		}
	}
	return stages, nil
}

// withStage returns the stages with one more, unless it is among them.
func withStage(stages []string, text string) ([]string, error) {
	if api, stage, _ := strings.Cut(text, "/"); api == "" || stage == "" {
		return nil, badRequest("Invalid API Stage specified")
	}
	if slices.Contains(stages, text) {
		return stages, nil
	}
	return append(stages, text), nil
}

// patchStages applies an operation on /stages. To remove a stage that the key has not
// changes nothing.
func patchStages(k *apikey.Key, op patchOp) (err error) {
	if op.Op == "add" {
		k.StageKeys, err = withStage(k.StageKeys, op.Value)
		return err
	}
	k.StageKeys = slices.DeleteFunc(k.StageKeys, func(s string) bool { return s == op.Value })
	return nil
}
