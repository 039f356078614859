package quota

// MustParse returns what ParseQuota returns, for quotas that are constants of a program.
// It panics where ParseQuota returns an error.
func MustParse(text string) Quota {
	q, err := ParseQuota(text)
	if err != nil {
		panic(err)
	}
	return q
}
