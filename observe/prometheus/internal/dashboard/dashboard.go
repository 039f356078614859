package dashboard

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// A query is a PromQL expression of a panel, or a label of a metric that a variable
// lists.
type query struct {
	where, expr string
	legend      []string // labels in the legend
	label       string   // of a variable
}

// file has the parts of a dashboard that have queries.
type file struct {
	Panels []struct {
		Title, Type string
		Targets     []struct{ Expr, LegendFormat string }
	}
	Templating struct {
		List []struct{ Name, Type, Definition string }
	}
}

var (
	legendLabel = regexp.MustCompile(`\{\{\s*(\w+)\s*\}\}`)
	labelValues = regexp.MustCompile(`^label_values\((.*),\s*(\w+)\)$`)
	variables   = strings.NewReplacer("$__rate_interval", "5m", "$job", ".*", "$plan", ".*")
)

// queries returns all queries of a dashboard. Variables of Grafana have values in them.
func queries(text []byte) (all []query, err error) {
	var f file
	if err := json.Unmarshal(text, &f); err != nil {
		return nil, err
	}
	for _, p := range f.Panels {
		if p.Type != "row" && len(p.Targets) == 0 {
			return nil, fmt.Errorf("panel %q: no queries", p.Title)
		}
		for _, t := range p.Targets {
			q := query{where: "panel " + p.Title, expr: variables.Replace(t.Expr)}
			for _, found := range legendLabel.FindAllStringSubmatch(t.LegendFormat, -1) {
				q.legend = append(q.legend, found[1])
			}
			all = append(all, q)
		}
	}
	for _, v := range f.Templating.List {
		if v.Type != "query" {
			continue
		}
		found := labelValues.FindStringSubmatch(v.Definition)
		if found == nil {
			return nil, fmt.Errorf("variable %q: %q: want label_values", v.Name, v.Definition)
		}
		all = append(all, query{where: "variable " + v.Name, expr: variables.Replace(found[1]), label: found[2]})
	}
	return all, nil
}

// scraped are the labels that a server adds.
var scraped = []string{"job", "instance"}

// metrics has the labels of each metric by its name.
type metrics map[string][]string

// has reports whether a metric has a label.
func (m metrics) has(name, label string) bool {
	return slices.Contains(m[name], label) || slices.Contains(scraped, label)
}
