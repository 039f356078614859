// Package sdktest tests package apigateway with the AWS SDK for Go. It is a module of its
// own, so that users of Ration do not depend on the SDK.
package sdktest
