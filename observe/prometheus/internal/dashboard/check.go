package dashboard

import (
	"errors"
	"fmt"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/promql/parser"
)

// check returns every metric and every label in a dashboard that does not exist.
func (m metrics) check(text []byte) error {
	all, err := queries(text)
	if err != nil {
		return err
	}
	var errs []error
	for _, q := range all {
		for _, err := range m.faults(q) {
			errs = append(errs, fmt.Errorf("%s: %w", q.where, err))
		}
	}
	return errors.Join(errs...)
}

func (m metrics) faults(q query) (errs []error) {
	expr, err := parser.NewParser(parser.Options{}).ParseExpr(q.expr)
	if err != nil {
		return []error{err}
	}
	for _, name := range namesIn(expr) {
		if q.label != "" && !m.has(name, q.label) {
			errs = append(errs, fmt.Errorf("%s: no label %q", name, q.label))
		}
	}
	parser.Inspect(expr, func(node parser.Node, _ []parser.Node) error {
		switch n := node.(type) {
		case *parser.VectorSelector:
			errs = append(errs, m.selectorFaults(n)...)
		case *parser.AggregateExpr:
			errs = append(errs, m.groupingFaults(n)...)
		}
		return nil
	})
	return append(errs, legendFaults(expr, q.legend)...)
}

// selectorFaults returns what a selector names and does not exist.
func (m metrics) selectorFaults(s *parser.VectorSelector) (errs []error) {
	if _, ok := m[s.Name]; !ok {
		return []error{fmt.Errorf("%q: no such metric", s.Name)}
	}
	for _, matcher := range s.LabelMatchers {
		if matcher.Name != model.MetricNameLabel && !m.has(s.Name, matcher.Name) {
			errs = append(errs, fmt.Errorf("%s: no label %q", s.Name, matcher.Name))
		}
	}
	return errs
}

// groupingFaults returns the labels of a grouping that a metric below does not have.
func (m metrics) groupingFaults(a *parser.AggregateExpr) (errs []error) {
	for _, name := range namesIn(a.Expr) {
		for _, label := range a.Grouping {
			if !m.has(name, label) {
				errs = append(errs, fmt.Errorf("%s: grouped by %q, which is no label of it", name, label))
			}
		}
	}
	return errs
}

// legendFaults returns the labels of a legend by which no aggregation groups.
func legendFaults(expr parser.Expr, legend []string) (errs []error) {
	kept := map[string]bool{}
	parser.Inspect(expr, func(node parser.Node, _ []parser.Node) error {
		if a, ok := node.(*parser.AggregateExpr); ok {
			for _, label := range a.Grouping {
				kept[label] = true
			}
		}
		return nil
	})
	for _, label := range legend {
		if !kept[label] {
			errs = append(errs, fmt.Errorf("legend: %q: no query groups by it", label))
		}
	}
	return errs
}

// namesIn returns the names of the metrics in an expression.
func namesIn(expr parser.Expr) (names []string) {
	parser.Inspect(expr, func(node parser.Node, _ []parser.Node) error {
		if s, ok := node.(*parser.VectorSelector); ok {
			names = append(names, s.Name)
		}
		return nil
	})
	return names
}
