package apigateway

import (
	"slices"
	"strings"

	"github.com/ration-go/ration/apikey"
)

// stageKeyText is a StageKey in a request of CreateApiKey. Answers have strings of the
// form "api/stage" instead.
type stageKeyText struct{ RestAPIID, StageName string }

// stageKeysOf returns the stages of a request without duplicates.
func stageKeysOf(list []stageKeyText) (stages []string, err error) {
	for _, s := range list {
		if stages, err = withStage(stages, s.RestAPIID+"/"+s.StageName); err != nil {
			return nil, err
		}
	}
	return stages, nil
}

// withStage returns the stages with text appended, unless it is one of them already.
func withStage(stages []string, text string) ([]string, error) {
	if api, stage, _ := strings.Cut(text, "/"); api == "" || stage == "" {
		return nil, badRequest("Invalid API Stage specified")
	}
	if slices.Contains(stages, text) {
		return stages, nil
	}
	return append(stages, text), nil
}

// patchStages applies an operation on /stages. Removing a stage that the key does not
// have changes nothing.
func patchStages(k *apikey.Key, op patchOp) (err error) {
	if op.Op == "add" {
		k.StageKeys, err = withStage(k.StageKeys, op.Value)
		return err
	}
	k.StageKeys = slices.DeleteFunc(k.StageKeys, func(s string) bool { return s == op.Value })
	return nil
}
