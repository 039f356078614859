package rpc

// A Code is a status code of gRPC. The codes of Connect have the same numbers. So
// codes.Code(c) and connect.Code(c) convert it.
type Code uint32

// These codes answer a call that is not admitted, and are frequent answers of handlers.
const (
	OK                Code = 0
	Canceled          Code = 1
	Unknown           Code = 2
	InvalidArgument   Code = 3
	DeadlineExceeded  Code = 4
	NotFound          Code = 5
	PermissionDenied  Code = 7
	ResourceExhausted Code = 8
	Unimplemented     Code = 12
	Internal          Code = 13
	Unavailable       Code = 14
	Unauthenticated   Code = 16
)
