// Package routers shows how Ration's middleware learns the routes of nested muxes, chi,
// gorilla/mux and httprouter. The modules routers/gin, routers/echo and routers/fiber
// have adapters for other routers. docs/routers.md explains the code.
package routers
