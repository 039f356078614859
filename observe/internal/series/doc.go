// Package series counts what a Gate does, in label sets whose number is bounded. The
// modules for Prometheus and OpenTelemetry export the counts.
//
// A decision adds to a few atomic numbers. Names and labels are read only when the
// metrics are gathered.
package series
