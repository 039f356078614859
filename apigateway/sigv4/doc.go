// Package sigv4 verifies AWS Signature Version 4 signatures in the Authorization field.
// The aws command line and the AWS SDKs sign in this way (AWS General Reference,
// Signature Version 4 signing process). The package uses only the standard library.
//
// A signature proves who made a request. It also proves that the method, path, query,
// body and signed header fields were not altered. The host, the date and every X-Amz
// field must be signed, as with AWS. Other fields need not be signed: several SDKs never
// sign Content-Type. In a signed field, a run of spaces counts as one space. A repeated
// field counts as one field with commas.
//
// Signatures in the query (presigned URLs) are refused. A query that url.ParseQuery does
// not accept is refused too, for example one with a ';'. A handler thus parses exactly
// what was verified.
//
// Security: a signature is valid for MaxSkew on either side of the time that it names.
// Within that time, anybody who has recorded a request can send it again. A Verifier
// cannot detect this: an owner who sends one request twice within a second makes the same
// signature twice. Use TLS.
package sigv4
