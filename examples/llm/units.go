package main

import "github.com/ration-go/ration/usageplan"

// units are what a request uses, beside usageplan.Requests. Plans name them.
var units = usageplan.Units{
	{Name: "input_tokens", Required: true},
	{Name: "output_tokens"},
	{Name: "micro_usd", Required: true}, // a millionth of a dollar
}

// These are the places of units in usageplan.Costs.
const (
	inputTokens = iota
	outputTokens
	microUSD
)

// Prices of the service in micro_usd a token, which is dollars a million tokens.
const (
	inputPrice  = 3
	outputPrice = 15
)

// costs returns what a request uses in all units.
func costs(input, output int64) usageplan.Costs {
	return usageplan.Costs{
		inputTokens:  input,
		outputTokens: output,
		microUSD:     input*inputPrice + output*outputPrice,
	}
}
