// Package dashboard tests the dashboard for Grafana against the metrics that exist. It is
// a module of its own, since the parser of PromQL needs many others.
package dashboard
