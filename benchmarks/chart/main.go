// Command chart draws the chart of the README from the tables of the benchmarks' page.
//
//	go run ./chart    # in the directory benchmarks
//
// It reads README.md and writes two files: ../docs/benchmarks-light.svg and
// ../docs/benchmarks-dark.svg.
package main

import (
	"log"
	"os"
	"path/filepath"
)

const page = "README.md"

func main() {
	log.SetFlags(0)
	text, err := os.ReadFile(page)
	if err != nil {
		log.Fatal(err)
	}
	for name, colors := range themes {
		svg, err := chart(string(text), colors)
		if err != nil {
			log.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join("..", "docs", name), svg, 0o644); err != nil {
			log.Fatal(err)
		}
	}
}
