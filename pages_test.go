package ration_test

import (
	"bufio"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/internal/codeblocks"
	"github.com/ration-go/ration/usageplan"
)

// elsewhere names the packages that test the Go blocks of a page themselves.
var elsewhere = map[string]string{
	"testing.md": "examples/handlertest",
	"llm-api.md": "examples/llm",
}

// TestPages compiles the Go blocks of README.md, docs/*.md and the other pages. Package
// internal/codeblocks says how a page marks a block that needs more than its own text.
func TestPages(t *testing.T) {
	var blocks []codeblocks.Block
	for _, b := range codeblocks.Of("", codeblocks.Pages(t, ".")) {
		if dir := elsewhere[filepath.Base(b.Page)]; dir == "" {
			blocks = append(blocks, b)
		} else {
			test, err := os.ReadFile(filepath.Join(dir, "docs_test.go"))
			require.NoError(t, err)
			require.Contains(t, string(test), filepath.Base(b.Page))
		}
	}
	require.NotEmpty(t, blocks)
	codeblocks.Compile(t, blocks)
}

// TestPagesOfModules requires of each nested module that a page names a test that
// compiles the page's blocks.
func TestPagesOfModules(t *testing.T) {
	for _, b := range codeblocks.Pages(t, ".") {
		if b.Module == "" {
			continue
		}
		tests, err := filepath.Glob(filepath.Join(b.Module, "*_test.go"))
		require.NoError(t, err)
		found := false
		for _, file := range tests {
			text, err := os.ReadFile(file)
			require.NoError(t, err)
			found = found || strings.Contains(string(text), `codeblocks.Of("`+b.Module+`"`)
		}
		require.True(t, found, "%s:%d: no test in %s compiles the block", b.Page, b.Line, b.Module)
	}
}

// serve replaces http.ListenAndServe in the README's first program. It takes a free port
// and tells the test.
const serve = `package main

import (
	"fmt"
	"net"
	"net/http"
)

func serve(h http.Handler) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(l.Addr())
	return http.Serve(l, h)
}
`

// TestFirstProgram runs the README's first program and uses it as its reader would.
func TestFirstProgram(t *testing.T) {
	text, err := os.ReadFile("README.md")
	require.NoError(t, err)
	program := codeblocks.Parse("README.md", string(text))[0].Code
	require.LessOrEqual(t, strings.Count(program, "\n"), 20)
	require.Contains(t, program, `http.ListenAndServe(":8080", `)
	program = strings.Replace(program, `http.ListenAndServe(":8080", `, "serve(", 1)
	stdout, stderr := start(t, program)
	secret := secretIn(t, stderr)
	address, err := stdout.ReadString('\n')
	require.NoError(t, err)
	status := func(secret string) int { return get(t, address, "/", "X-API-Key", secret) }

	require.Equal(t, 401, status("wrong"))
	for range 5 { // the burst
		require.Equal(t, 200, status(secret))
	}
	for range 1000 { // one more a second may pass
		if status(secret) == 429 {
			return
		}
	}
	t.Fatal("nothing was limited")
}

// start builds a program with serve beside it, and runs it until the test ends.
func start(t *testing.T, program string) (stdout, stderr *bufio.Reader) {
	dir := t.TempDir()
	main, helper, binary := filepath.Join(dir, "main.go"), filepath.Join(dir, "serve.go"), filepath.Join(dir, "program.exe")
	require.NoError(t, os.WriteFile(main, []byte(program), 0o600))
	require.NoError(t, os.WriteFile(helper, []byte(serve), 0o600))
	out, err := exec.Command("go", "build", "-o", binary, main, helper).CombinedOutput()
	require.NoError(t, err, "%s", out)

	cmd := exec.Command(binary)
	one, err := cmd.StdoutPipe()
	require.NoError(t, err)
	two, err := cmd.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		require.NoError(t, cmd.Process.Kill())
		_ = cmd.Wait()
	})
	return bufio.NewReader(one), bufio.NewReader(two)
}

// secretIn returns the secret in the curl line that a program prints first.
func secretIn(t *testing.T, output *bufio.Reader) string {
	hint, err := output.ReadString('\n')
	require.NoError(t, err)
	_, secret, ok := strings.Cut(hint, "X-API-Key: ")
	require.True(t, ok, hint)
	secret, _, _ = strings.Cut(secret, "'")
	return secret
}

// get sends a request with header fields, which are names and values in turn, and returns
// the status of the answer.
func get(t *testing.T, address, path string, fields ...string) int {
	req, err := http.NewRequestWithContext(t.Context(), "GET", "http://"+strings.TrimSpace(address)+path, nil)
	require.NoError(t, err)
	for i := 0; i < len(fields); i += 2 {
		req.Header.Set(fields[i], fields[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	return resp.StatusCode
}

// TestCompleteService runs the program of docs/a-complete-service.md and checks statuses
// of its table.
func TestCompleteService(t *testing.T) {
	const page = "docs/a-complete-service.md"
	text, err := os.ReadFile(page)
	require.NoError(t, err)
	program := codeblocks.Parse(page, string(text))[0].Code
	require.Contains(t, program, "server.ListenAndServe()")
	program = strings.Replace(program, "server.ListenAndServe()", "serve(server.Handler)", 1)
	stdout, _ := start(t, program)
	secret := secretIn(t, stdout)
	address, err := stdout.ReadString('\n')
	require.NoError(t, err)

	bearer := "Bearer " + secret
	require.Equal(t, 200, get(t, address, "/health"))
	require.Equal(t, 401, get(t, address, "/reports/7"))
	require.Equal(t, 401, get(t, address, "/nothing"))
	require.Equal(t, 404, get(t, address, "/nothing", "X-API-Key", secret))
	require.Equal(t, 400, get(t, address, "/reports/7", "Authorization", bearer, "X-API-Key", secret))
	require.Equal(t, 200, get(t, address, "/reports/7", "X-API-Key", secret))
	require.Equal(t, 404, get(t, address, "/reports/8", "Authorization", bearer))
	for range 1000 { // the route's burst of 2 is used up, but one more a second may pass
		if get(t, address, "/reports/7", "X-API-Key", secret) == 429 {
			return
		}
	}
	t.Fatal("the route was not limited")
}

// TestCustomCounter checks that the counter of docs/custom-store.md is the one that
// passes the suite in store/storetest, and that it has at most 60 lines of code.
func TestCustomCounter(t *testing.T) {
	const page = "docs/custom-store.md"
	text, err := os.ReadFile(page)
	require.NoError(t, err)
	counter := codeblocks.Parse(page, string(text))[0].Code
	require.Contains(t, counter, "Take(ctx context.Context, c *store.Charge) error")
	lines := 0
	for line := range strings.Lines(counter) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "//") {
			lines++
		}
	}
	require.LessOrEqual(t, lines, 60)

	tested, err := os.ReadFile("store/storetest/example_map_test.go")
	require.NoError(t, err)
	require.Contains(t, string(tested), counter)
}

// TestPlansOfDocs decodes the plans of docs/at-start.md.
func TestPlansOfDocs(t *testing.T) {
	text, err := os.ReadFile("docs/at-start.md")
	require.NoError(t, err)
	_, after, found := strings.Cut(string(text), "```json\n")
	require.True(t, found)
	file, _, _ := strings.Cut(after, "```")
	var plans []usageplan.Plan
	require.NoError(t, json.Unmarshal([]byte(file), &plans))
	require.Len(t, plans, 2)
	for _, p := range plans {
		require.NoError(t, p.Validate())
		require.NotNil(t, p.Throttle)
		require.NotEmpty(t, p.Quotas)
	}
	require.Contains(t, plans[0].Routes, "GET /reports/{id}")
}

var (
	link    = regexp.MustCompile(`(?:\]\(|src="|srcset="|\]: )([^)"\s#]*)(#[^)"\s]+)?`)
	heading = regexp.MustCompile(`(?m)^#+ (.*)$`)
	noID    = regexp.MustCompile(`[^\p{L}\p{N}_ -]`)
)

// TestLinks requires the files that pages link to, and the headings in them.
func TestLinks(t *testing.T) {
	pages, err := filepath.Glob("docs/*.md")
	require.NoError(t, err)
	for _, page := range append(pages, "README.md", "ARCHITECTURE.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "benchmarks/README.md") {
		text, err := os.ReadFile(page)
		require.NoError(t, err)
		for _, m := range link.FindAllStringSubmatch(string(text), -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			file := page
			if m[1] != "" {
				file = filepath.Join(filepath.Dir(page), m[1])
			}
			_, err := os.Stat(file)
			require.NoError(t, err, page)
			if m[2] != "" && filepath.Ext(file) == ".md" {
				require.Contains(t, anchors(t, file), m[2], page)
			}
		}
	}
}

// anchors returns the fragments by which GitHub links to the headings of a page.
func anchors(t *testing.T, page string) (list []string) {
	text, err := os.ReadFile(page)
	require.NoError(t, err)
	for _, m := range heading.FindAllStringSubmatch(string(text), -1) {
		list = append(list, "#"+strings.ReplaceAll(noID.ReplaceAllString(strings.ToLower(m[1]), ""), " ", "-"))
	}
	return list
}
