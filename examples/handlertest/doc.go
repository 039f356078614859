// Package handlertest shows how a service tests its handlers, its limits and what it does
// in an outage, without a server and without waiting. docs/testing.md explains the tests.
package handlertest
