// Package sigv4 verifies that requests are signed by AWS Signature Version 4, as the `aws` command line and the AWS SDKs sign
// them, by the Authorization field (AWS General Reference, Signature Version 4 signing process). It uses the standard library
// alone.
//
// A signature proves who made a request, and that method, path, query, body and the signed header fields are as they were.
// It is good for MaxSkew on either side of the time it names. Within that a request that somebody has recorded can be sent
// again, and cannot be told from one that its owner sends twice within a second, whose signature is the same: use TLS.
package sigv4
