// Package routers shows how to use Ration's middleware with nested muxes and with other
// routers. Config.Route gets the pattern of a request from each of them in its own way.
// docs/routers.md explains the code.
package routers
