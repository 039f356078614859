package plans

import (
	"fmt"
	"strings"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/usageplan"
)

// check adds the faults that the file alone can tell.
func (f *File) check() {
	s := &f.source
	if f.Version != 0 && f.Version != 1 {
		s.add("version", "%d: want 1", f.Version)
	}
	if f.Version == 0 && s.has("version") {
		s.add("version", "want 1")
	}
	for i := range f.Plans {
		s.addLines(index("plans", i), f.Plans[i].Validate())
	}
	for i := range f.Groups {
		s.addLines(index("groups", i), f.Groups[i].Validate())
	}
	for i := range f.Keys {
		f.checkKey(i)
	}
	for i := range f.Links {
		l := f.Links[i]
		l.Allowance = "none" // AddLink sets it
		s.addLines(index("links", i), withoutIDs(l.Validate()))
	}
	f.checkIDs()
	groups := byID(f.Groups, func(g *usageplan.Group) string { return g.ID })
	for i := range f.Groups {
		f.checkAbove(i, groups)
	}
}

func index(section string, i int) string { return fmt.Sprintf("%s[%d]", section, i) }

// has reports whether the text has a value at a path.
func (s *source) has(path string) bool { _, ok := s.places[path]; return ok }

// withoutIDs returns err without the fault of a link that names no plan or no key, which
// checkIDs reports for each of the two.
func withoutIDs(err error) error {
	if err == nil {
		return nil
	}
	var rest []string
	for _, line := range lines(err) {
		if !strings.HasPrefix(line, "planId, keyId:") {
			rest = append(rest, line)
		}
	}
	if len(rest) == 0 {
		return nil
	}
	return fmt.Errorf("%s", strings.Join(rest, "\n"))
}

func (f *File) checkKey(i int) {
	s := &f.source
	k := f.Keys[i].declared(apikey.Key{})
	if k.ID == "" {
		k.ID = "none" // checkIDs reports it
	}
	s.addLines(index("keys", i), k.Validate())
	if f.Keys[i].Digest != (apikey.Digest{}) && f.Keys[i].Enabled == nil {
		s.add(index("keys", i), "enabled: want true or false: a key with a digest may have to be created")
	}
}

// checkIDs adds the faults of IDs that are missing or there twice.
func (f *File) checkIDs() {
	s := &f.source
	seen := map[string]string{}
	once := func(kind, id, path, what string) {
		if at, twice := seen[kind+id]; twice {
			s.add(path, "%s: there twice, first at %s: want it once", what, s.show(at))
			return
		}
		seen[kind+id] = path
	}
	required := func(record, field, id string) bool {
		if path := record + "." + field; id == "" && s.has(path) {
			if !s.faulty[s.places[path].path] {
				s.add(path, `"": want 1 to 64 ASCII letters, digits, '_' and '-'`)
			}
		} else if id == "" {
			s.add(record, "%s: missing: want one", field)
		}
		return id != ""
	}
	for i, p := range f.Plans {
		if at := index("plans", i); required(at, "id", p.ID) {
			once("plan ", p.ID, at+".id", fmt.Sprintf("%q", p.ID))
		}
	}
	for i, g := range f.Groups {
		if at := index("groups", i); required(at, "id", g.ID) {
			once("group ", g.ID, at+".id", fmt.Sprintf("%q", g.ID))
		}
	}
	for i, k := range f.Keys {
		at := index("keys", i)
		if required(at, "id", k.ID) {
			once("key ", k.ID, at+".id", fmt.Sprintf("%q", k.ID))
		}
		if k.Digest != (apikey.Digest{}) {
			once("digest ", string(k.Digest[:]), at+".digest", "the digest")
		}
	}
	for i, l := range f.Links {
		at := index("links", i)
		if plan, key := required(at, "planId", l.PlanID), required(at, "keyId", l.KeyID); plan && key {
			once("link ", l.PlanID+" "+l.KeyID, at, fmt.Sprintf("key %q in plan %q", l.KeyID, l.PlanID))
		}
	}
}

// show returns the path that a value has in the text, and its line.
func (s *source) show(path string) string {
	at, rest := s.find(path)
	if at.line == 0 {
		return path
	}
	return fmt.Sprintf("%s in line %d", at.path+rest, at.line)
}

// byID returns pointers to records by their IDs.
func byID[T any](records []T, id func(*T) string) map[string]*T {
	all := make(map[string]*T, len(records))
	for i := range records {
		all[id(&records[i])] = &records[i]
	}
	return all
}

// checkAbove adds a fault if a group is above itself, or too many groups are above it.
// groups has the groups that are known.
func (f *File) checkAbove(i int, groups map[string]*usageplan.Group) {
	g := &f.Groups[i]
	way := []string{g.ID}
	for up := g.ParentID; up != "" && up != g.ID; {
		way = append(way, up)
		if len(way) > usageplan.MaxGroups {
			f.source.add(index("groups", i)+".parentId", "%s: want at most %d groups up to the root", strings.Join(way, " < "), usageplan.MaxGroups)
			return
		}
		above := groups[up]
		if above == nil {
			return
		}
		up = above.ParentID
		if up == g.ID {
			f.source.add(index("groups", i)+".parentId", "%s: the group is above itself: want a tree", strings.Join(append(way, up), " < "))
		}
	}
}
