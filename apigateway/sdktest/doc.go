// Package sdktest drives package apigateway by the AWS SDK for Go, in a module of its
// own: users of Ration do not need the SDK.
package sdktest
