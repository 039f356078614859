// Package sigv4 verifies AWS Signature Version 4 signatures in the Authorization field,
// as the aws command line and the AWS SDKs make them (AWS General Reference, Signature
// Version 4 signing process). It uses the standard library alone.
//
// A signature proves who made a request, and that its method, path, query, body and
// signed header fields are as they were. The host, the date and every X-Amz field must be
// signed, as with AWS. Other fields need not be: several SDKs never sign Content-Type. In
// a signed field a run of spaces counts as one, and a repeated field as one with commas.
//
// Signatures in the query (presigned URLs) are refused. So are queries that
// url.ParseQuery faults, for example with a ';': what is verified is what a handler
// parses.
//
// A signature is good for MaxSkew on either side of the time it names. Within that time
// somebody who has recorded a request can send it again. A Verifier cannot tell this from
// an owner who sends the same request twice within a second, since both have one
// signature. Use TLS.
package sigv4
