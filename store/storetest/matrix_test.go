package storetest

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

func TestMatrix(t *testing.T) {
	want := os.Getenv("MATRIX")
	if want == "" {
		t.Skip()
	}
	for _, f := range newFlaws() {
		h := f.harness()
		var by []string
		for _, p := range promises() {
			if ofChance(p.name) && !slices.Contains(f.caught, p.name) {
				continue
			}
			var err error
			h.bubble(t, func(t *testing.T) { err = h.try(t, p) })
			if err != nil {
				by = append(by, p.name)
			}
		}
		mark := ""
		for _, c := range f.caught {
			if !slices.Contains(by, c) {
				mark = "MISSED "
			}
		}
		fmt.Printf("%s%q: %s (lists %s)\n", mark, f.name, strings.Join(by, ", "), f.caught)
	}
}

func newFlaws() []flaw {
	return slices.Concat(partFlaws, softFlaws, lastFlaws, moveFlaws, partRaceFlaws, partFullFlaws, partDurableFlaws, partPeerFlaws)
}
