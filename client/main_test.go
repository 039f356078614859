package client_test

import (
	"testing"

	"go.uber.org/goleak"
)

// TestMain fails if a goroutine is left when all tests are done. In a bubble, package
// synctest sees to that after each test.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
