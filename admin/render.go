package admin

import (
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"
)

//go:embed templates/*.html
var templateFiles embed.FS

//go:embed style.css icon.svg
var assetFiles embed.FS

// templates has each page together with the layout and the parts that pages share.
var templates = parseTemplates()

// shared are the templates that every page has.
var shared = []string{"templates/layout.html", "templates/parts.html", "templates/keyrow.html"}

func parseTemplates() map[string]*template.Template {
	base := template.Must(template.New("").Funcs(functions).ParseFS(templateFiles, shared...))
	names, err := templateFiles.ReadDir("templates")
	if err != nil {
		panic(err) // the folder is embedded
	}
	all := map[string]*template.Template{}
	for _, f := range names {
		file := "templates/" + f.Name()
		all[strings.TrimSuffix(f.Name(), ".html")] = template.Must(template.Must(base.Clone()).ParseFS(templateFiles, file))
	}
	return all
}

// functions are those that templates call. Each of them returns plain text, which the
// template escapes.
var functions = template.FuncMap{
	"num": number, "when": when, "day": func(t time.Time) string { return t.UTC().Format(time.DateOnly) },
	"esc": url.PathEscape, "query": url.QueryEscape, "pairs": pairs,
}

// pairs returns a map of names and values, which a template gives to another one.
func pairs(list ...any) map[string]any {
	m := map[string]any{}
	for i := 0; i+1 < len(list); i += 2 {
		m[list[i].(string)] = list[i+1]
	}
	return m
}

// A layout is what the layout needs beside the data of a page.
type layout struct {
	Title, Service, Actor string
	P                     string // the prefix of all links
	Token                 string
	Nav                   []navItem
	Style                 string // the name of the style sheet, with its version
	Notice                string
	Data                  any
}

type navItem struct {
	Path, Text string
	Here       bool
}

// render writes a page.
func (h *Handler) render(w io.Writer, r *http.Request, a *answer) error {
	t := templates[a.template]
	if t == nil {
		return fmt.Errorf("admin: no template %q", a.template)
	}
	actor := actorOf(r.Context())
	return t.ExecuteTemplate(w, "layout", layout{
		Title: a.title, Service: h.cfg.Title, Actor: actor, P: h.prefix,
		Token: h.tokens.of(actor, time.Now()), Nav: h.nav(r.URL.Path), Style: styleVersion,
		Notice: notices[r.URL.Query().Get("done")], Data: a.data,
	})
}

// nav returns the links at the top of each page.
func (h *Handler) nav(at string) []navItem {
	items := []navItem{{"/", "Overview", false}, {"/keys", "Keys", false}, {"/plans", "Plans", false}}
	if h.groups != nil {
		items = append(items, navItem{"/groups", "Groups", false})
	}
	items = append(items, navItem{"/audit", "Audit", false})
	if h.cfg.History != nil {
		items = append(items, navItem{"/changes", "Changes", false})
	}
	for i := range items {
		items[i].Here = at == items[i].Path || items[i].Path != "/" && strings.HasPrefix(at, items[i].Path+"/")
	}
	return items
}

// An asset is a file that all pages share.
type asset struct {
	kind string
	text []byte
}

// files are the assets by their names.
var files = map[string]asset{
	"style.css": {"text/css; charset=utf-8", mustRead("style.css")},
	"icon.svg":  {"image/svg+xml", mustRead("icon.svg")},
}

// styleVersion changes with the style sheet, so that a browser may keep it.
var styleVersion = func() string {
	sum := sha256.Sum256(files["style.css"].text)
	return "style.css?v=" + base64.RawURLEncoding.EncodeToString(sum[:9])
}()

func mustRead(name string) []byte {
	text, err := assetFiles.ReadFile(name)
	if err != nil {
		panic(err) // the file is embedded
	}
	return text
}

// serve sends the file. It holds nothing of the service, so a browser may keep it.
func (f asset) serve(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", f.kind)
	w.Header().Set("Cache-Control", "no-cache")
	if r.URL.Query().Get("v") != "" && path.Base(r.URL.Path) == "style.css" {
		w.Header().Set("Cache-Control", "private, max-age=31536000, immutable")
	}
	_, _ = w.Write(f.text)
}
