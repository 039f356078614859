package browsertest

import (
	"flag"
	"os"
	"testing"
)

// screenshots is where TestScreenshots writes its pictures.
var screenshots = flag.String("screenshots", "", "`folder` for pictures of the pages; if empty, none are made")

// TestMain ends the browser that the tests share.
func TestMain(m *testing.M) {
	flag.Parse()
	code := m.Run()
	chromium.close()
	os.Exit(code)
}
