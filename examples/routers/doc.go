// Package routers shows Ration's middleware with nested muxes and with other routers: how
// Config.Route learns the pattern of a request from each. docs/routers.md explains the
// lines.
package routers
