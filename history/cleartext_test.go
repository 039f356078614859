package history_test

// cleartext is a Seal that does not encrypt, so that a test finds what was sealed.
type cleartext struct{}

func (cleartext) NonceSize() int                              { return 12 }
func (cleartext) Overhead() int                               { return 0 }
func (cleartext) Seal(dst, _, plaintext, _ []byte) []byte     { return append(dst, plaintext...) }
func (cleartext) Open(dst, _, text, _ []byte) ([]byte, error) { return append(dst, text...), nil }
