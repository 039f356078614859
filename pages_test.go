package ration_test

import (
	"bufio"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/internal/codeblocks"
)

// elsewhere names the packages that test the Go blocks of a page themselves.
var elsewhere = map[string]string{
	"routers.md": "examples/routers", "grpc.md": "examples/grpc", "testing.md": "examples/handlertest",
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
	dir := t.TempDir()
	main, helper, binary := filepath.Join(dir, "main.go"), filepath.Join(dir, "serve.go"), filepath.Join(dir, "program.exe")
	require.NoError(t, os.WriteFile(main, []byte(program), 0o600))
	require.NoError(t, os.WriteFile(helper, []byte(serve), 0o600))
	out, err := exec.Command("go", "build", "-o", binary, main, helper).CombinedOutput()
	require.NoError(t, err, "%s", out)

	cmd := exec.Command(binary)
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	stderr, err := cmd.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	defer func() {
		require.NoError(t, cmd.Process.Kill())
		_ = cmd.Wait()
	}()
	hint, err := bufio.NewReader(stderr).ReadString('\n')
	require.NoError(t, err)
	_, secret, ok := strings.Cut(hint, "X-API-Key: ")
	require.True(t, ok, hint)
	secret, _, _ = strings.Cut(secret, "'")
	address, err := bufio.NewReader(stdout).ReadString('\n')
	require.NoError(t, err)
	status := func(secret string) int {
		req, err := http.NewRequestWithContext(t.Context(), "GET", "http://"+strings.TrimSpace(address), nil)
		require.NoError(t, err)
		req.Header.Set("X-API-Key", secret)
		resp, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		return resp.StatusCode
	}

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

var link = regexp.MustCompile(`(?:\]\(|src="|srcset="|\]: )([^)"\s#]+)`)

// TestLinks requires the files that pages link to.
func TestLinks(t *testing.T) {
	pages, err := filepath.Glob("docs/*.md")
	require.NoError(t, err)
	for _, page := range append(pages, "README.md", "ARCHITECTURE.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "benchmarks/README.md") {
		text, err := os.ReadFile(page)
		require.NoError(t, err)
		for _, m := range link.FindAllStringSubmatch(string(text), -1) {
			if !strings.Contains(m[1], "://") {
				_, err := os.Stat(filepath.Join(filepath.Dir(page), m[1]))
				require.NoError(t, err, page)
			}
		}
	}
}
