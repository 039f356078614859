package main

import (
	"bytes"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/internal/awstest"
	"github.com/ration-go/ration/internal/longtest"
)

const page = "../../docs/from-aws-usage-plans.md"

// block holds commands of the page and what they print.
type block struct{ commands, want string }

var fence = regexp.MustCompile("(?ms)^```(\\w+)\n(.*?)^```$")

// blocks returns the blocks of the page, and the command that starts the gateway.
func blocks(t *testing.T) (console string, list []block) {
	text, err := os.ReadFile(page)
	require.NoError(t, err)
	for _, m := range fence.FindAllStringSubmatch(string(text), -1) {
		switch m[1] {
		case "console":
			console = strings.TrimSpace(m[2])
		case "sh":
			list = append(list, block{commands: m[2]})
		case "text":
			list[len(list)-1].want = m[2]
		}
	}
	return console, list
}

// TestPage runs every command of the page in one shell, and compares what each block
// prints with the page.
func TestPage(t *testing.T) {
	longtest.Only(t)
	t.Parallel()
	awstest.Need(t)
	console, list := blocks(t)
	require.Equal(t, "go run -C examples/gateway .", console)
	require.Greater(t, len(list), 5)
	gw, _ := process(t, program(t))

	const mark = "\n-- the end of a block --\n"
	script := "set -euo pipefail\n"
	for _, b := range list {
		script += b.commands + "printf '%s' '" + mark + "'\n"
	}
	script = strings.NewReplacer("http://127.0.0.1:8080", gw.data, "http://127.0.0.1:8081", gw.control).Replace(script)
	cmd := exec.CommandContext(t.Context(), "bash", "-c", script)
	cmd.Dir = t.TempDir()
	cmd.Env = append(cmd.Environ(), awstest.Environ...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	require.NoError(t, err, "%s\n%s", out, stderr.String())
	printed := strings.Split(string(out), mark)
	require.Len(t, printed, len(list)+1)
	for i, b := range list {
		want := strings.ReplaceAll(regexp.QuoteMeta(strings.TrimSuffix(b.want, "\n")), "…", ".*")
		require.Regexp(t, "^"+want+"$", strings.TrimSuffix(printed[i], "\n"), b.commands)
	}
	require.NoError(t, gw.stop())
}
