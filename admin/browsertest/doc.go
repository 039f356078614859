// Package browsertest tests the admin page in a real Chromium, against gateways over
// memory and over Redis. It is a module of its own, which keeps the driver of the browser
// out of the main module.
package browsertest
