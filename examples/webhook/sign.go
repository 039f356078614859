package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// The header fields of Standard Webhooks, see https://www.standardwebhooks.com.
const (
	headerID        = "Webhook-Id"
	headerTimestamp = "Webhook-Timestamp"
	headerSignature = "Webhook-Signature"
)

// secretPrefix begins the text form of a secret.
const secretPrefix = "whsec_"

// A Secret signs what is sent to one receiver. It prints as dots.
type Secret []byte

// ParseSecret reads a secret in the text form of Standard Webhooks: "whsec_" and the
// base64 of 24 to 64 random bytes.
func ParseSecret(text string) (Secret, error) {
	encoded, found := strings.CutPrefix(text, secretPrefix)
	s, err := base64.StdEncoding.DecodeString(encoded)
	if !found || err != nil || len(s) < 24 || len(s) > 64 {
		return nil, errors.New("secret: want " + secretPrefix + " and the base64 of 24 to 64 bytes")
	}
	return s, nil
}

// String returns dots, so that no log shows the secret.
func (Secret) String() string { return "..." }

// Format prints String for every verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(s.String())) }

// sign returns the signature of a message that is sent at a time.
func (s Secret) sign(id, timestamp string, body []byte) string {
	mac := hmac.New(sha256.New, s)
	fmt.Fprintf(mac, "%s.%s.", id, timestamp)
	mac.Write(body)
	return "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// signHeader sets the header fields of a message. While a secret is replaced, there are
// two of them, and each signs.
func signHeader(h http.Header, secrets []Secret, id string, at time.Time, body []byte) {
	timestamp := strconv.FormatInt(at.Unix(), 10)
	var all []string
	for _, s := range secrets {
		all = append(all, s.sign(id, timestamp, body))
	}
	h.Set(headerID, id)
	h.Set(headerTimestamp, timestamp)
	h.Set(headerSignature, strings.Join(all, " "))
}

// tolerance is how far the time of a message may be from the receiver's clock. An older
// message may be one that somebody has recorded and sends again.
const tolerance = 5 * time.Minute

// errUnsigned is returned for every message that is not accepted, whatever the reason.
var errUnsigned = errors.New("webhook: the signature or the timestamp is not valid")

// verifyHeader returns the ID of a message, or errUnsigned if no secret has signed it.
//
// Security: the signature is compared in constant time, and over the bytes of the body as
// they came. JSON that was decoded and encoded again may have other bytes.
func verifyHeader(h http.Header, secrets []Secret, now time.Time, body []byte) (id string, err error) {
	id = h.Get(headerID)
	timestamp := h.Get(headerTimestamp)
	seconds, err := strconv.ParseInt(timestamp, 10, 64)
	if err != nil || id == "" || now.Sub(time.Unix(seconds, 0)).Abs() > tolerance {
		return "", errUnsigned
	}
	for _, s := range secrets {
		want := []byte(s.sign(id, timestamp, body))
		for _, signature := range strings.Fields(h.Get(headerSignature)) {
			if hmac.Equal([]byte(signature), want) {
				return id, nil
			}
		}
	}
	return "", errUnsigned
}
