package main

import (
	"bytes"
	"fmt"
)

// theme is the colors of a chart. A pale color marks the second bar of a pair.
type theme struct{ text, muted, grid, ration, rationPale, peer, peerPale string }

var themes = map[string]theme{
	"benchmarks-light.svg": {"#1f2328", "#59636e", "#d1d9e0", "#0969da", "#80b3ec", "#8c959f", "#c3c9d0"},
	"benchmarks-dark.svg":  {"#f0f6fc", "#9198a1", "#3d444d", "#4493f8", "#2a5ea3", "#767e88", "#4a515a"},
}

// bar is one bar: the time of an implementation, where Ration's is 1.
type bar struct {
	time         float64
	ration, pale bool
}

// group is the bars of one label.
type group struct {
	label string
	bars  []bar
}

// panel is one half of the chart.
type panel struct {
	title, subtitle string
	legend          [2]string // of a plain and a pale bar; empty: no legend
	groups          []group
}

// peers lists the columns of the table of rate limits in memory, and their names in the
// chart.
var peers = [][2]string{
	{"to go-limiter", "go-limiter *"}, {"to x/time, keyed", "x/time/rate"}, {"to throttled", "throttled"},
	{"to ulule", "ulule *"}, {"to httprate", "httprate *"}, {"to tollbooth", "tollbooth"},
}

// inMemory returns the panel of a rate limit on one key in memory.
func inMemory(page string) (panel, error) {
	t, err := find(page, "keys", "answer", "processors")
	if err != nil {
		return panel{}, err
	}
	p := panel{
		title: "In memory", subtitle: "one hot key, requests that are admitted", legend: [2]string{"1 processor", "2 processors"},
		groups: []group{{"Ration", []bar{{1, true, false}, {1, true, true}}}},
	}
	for _, peer := range peers {
		g := group{label: peer[1]}
		for _, processors := range []string{"1", "2"} {
			ratio, err := t.number(peer[0], "hot", "admit", processors)
			if err != nil {
				return panel{}, err
			}
			g.bars = append(g.bars, bar{1 / ratio, false, processors == "2"})
		}
		p.groups = append(p.groups, g)
	}
	return p, nil
}

// overRedis returns the panel of a decision over Redis.
func overRedis(page string) (panel, error) {
	t, err := find(page, "callers", "to redis_rate")
	if err != nil {
		return panel{}, err
	}
	p := panel{title: "Over Redis", subtitle: "Ration: rate, day quota, record; redis_rate: rate"}
	for _, callers := range []string{"1", "32", "256"} {
		ratio, err := t.number("to redis_rate", callers)
		if err != nil {
			return panel{}, err
		}
		unit := " callers"
		if callers == "1" {
			unit = " caller"
		}
		p.groups = append(p.groups,
			group{"Ration, " + callers + unit, []bar{{1, true, false}}},
			group{"redis_rate, " + callers + unit, []bar{{1 / ratio, false, false}}})
	}
	return p, nil
}

// The measures of the chart, in pixels.
const (
	width, height = 840, 380
	panelWidth    = 410
	top           = 74 // of the bars, below the titles
	rows          = 238
	longest       = 6.5 // the end of the axis, in multiples of Ration's time
)

// chart returns the chart as SVG.
func chart(page string, c theme) ([]byte, error) {
	memory, err := inMemory(page)
	if err != nil {
		return nil, err
	}
	redis, err := overRedis(page)
	if err != nil {
		return nil, err
	}
	w := &bytes.Buffer{}
	fmt.Fprintf(w, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" role="img" `+
		`aria-label="Time of a decision beside the peers, where Ration is 1" `+
		`font-family="system-ui, -apple-system, 'Segoe UI', Helvetica, Arial, sans-serif" font-size="12">`+"\n", width, height, width, height)
	memory.draw(w, c, 0, 96)
	redis.draw(w, c, panelWidth+20, 136)
	text(w, 0, height-8, c.muted, "", "* not a token bucket: counts windows, or refills at ticks. Lower is faster. Figures, commands and machine: benchmarks/README.md")
	fmt.Fprintln(w, "</svg>")
	return w.Bytes(), nil
}

// draw draws the panel at x, with so much room for labels.
func (p *panel) draw(w *bytes.Buffer, c theme, x, labels int) {
	left := float64(x + labels)
	scale := (float64(panelWidth-labels) - 12) / longest
	text(w, x, 18, c.text, ` font-size="15" font-weight="600"`, p.title)
	text(w, x, 38, c.muted, "", p.subtitle)
	for tick := range 6 {
		at := left + float64(tick)*scale
		fmt.Fprintf(w, `<line x1="%.1f" y1="%d" x2="%.1f" y2="%d" stroke="%s"/>`+"\n", at, top-6, at, top+rows, c.grid)
		text(w, int(at), top+rows+15, c.muted, ` text-anchor="middle"`, fmt.Sprint(tick, "×"))
	}
	text(w, int(left+2.5*scale), top+rows+32, c.muted, ` text-anchor="middle"`, "time of a decision, Ration = 1×")
	p.drawLegend(w, c, int(left))
	step := float64(rows) / float64(len(p.groups))
	thick := min(step*0.7, 22) / float64(len(p.groups[0].bars))
	for i, g := range p.groups {
		middle := top + (float64(i)+0.5)*step
		text(w, int(left)-8, int(middle)+4, c.text, ` text-anchor="end"`, g.label)
		for k, b := range g.bars {
			y := middle + (float64(k)-float64(len(g.bars))/2)*thick
			fmt.Fprintf(w, `<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" fill="%s"/>`+"\n", left, y, b.time*scale, thick-1, c.color(b))
			text(w, int(left+b.time*scale)+5, int(y+thick/2)+3, c.muted, ` font-size="10"`, fmt.Sprintf("%.1f", b.time))
		}
	}
}

func (p *panel) drawLegend(w *bytes.Buffer, c theme, x int) {
	if p.legend[0] == "" {
		return
	}
	for i, label := range p.legend {
		at := x + 110*i
		fmt.Fprintf(w, `<rect x="%d" y="50" width="10" height="10" fill="%s"/>`+"\n", at, c.color(bar{pale: i == 1}))
		text(w, at+15, 59, c.muted, "", label)
	}
}

func (c theme) color(b bar) string {
	switch {
	case b.ration && b.pale:
		return c.rationPale
	case b.ration:
		return c.ration
	case b.pale:
		return c.peerPale
	default:
		return c.peer
	}
}

func text(w *bytes.Buffer, x, y int, color, attributes, s string) {
	fmt.Fprintf(w, `<text x="%d" y="%d" fill="%s"%s>%s</text>`+"\n", x, y, color, attributes, s)
}
