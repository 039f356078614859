package browsertest

import (
	"bytes"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/internal/sampledata"
)

// TestScreenshots writes pictures of the pages into the folder of -screenshots.
func TestScreenshots(t *testing.T) {
	if *screenshots == "" {
		t.Skip("needs -screenshots FOLDER")
	}
	s := newSite(t, 60)
	s.busy()
	require.NoError(t, os.MkdirAll(*screenshots, 0o755))
	key := sampledata.Named()[0].ID()
	for _, l := range []look{wide, dark, narrow, night} {
		tab := open(t, l)
		tab.visit(s.url + "/audit")
		tab.leave(chromedp.Click(chromedp.CSS("main button")))
		for name, path := range map[string]string{
			"overview": "/", "keys": "/keys", "key": "/keys/" + key, "plans": "/plans", "plan": "/plans/starter", "groups": "/groups",
			"group": "/groups/contoso", "audit": "/audit", "changes": "/changes", "create": "/new-key", "rotate": "/keys/" + key + "/rotate",
			"extend": "/keys/" + key + "/extend?plan=scale&quota=day",
		} {
			tab.visit(s.url + path)
			picture := get(tab, chromedp.FullScreenshot(100))
			require.NoError(t, os.WriteFile(filepath.Join(*screenshots, name+"-"+l.name+".png"), picture, 0o600))
		}
	}

	tab := open(t, look{"readme", 1280, 880, false})
	tab.visit(s.url + "/keys")
	picture := must(png.Decode(bytes.NewReader(get(tab, chromedp.CaptureScreenshot()))))
	file := must(os.Create(filepath.Join(*screenshots, "readme.png")))
	require.NoError(t, (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(file, few(picture)))
	require.NoError(t, file.Close())
}

// few returns a picture with the 256 colours that it has most, which makes its file much
// smaller. Every other colour becomes the one that is most like it.
func few(picture image.Image) image.Image {
	count := map[color.Color]int{}
	bounds := picture.Bounds()
	for y := bounds.Min.Y; y < bounds.Max.Y; y++ {
		for x := bounds.Min.X; x < bounds.Max.X; x++ {
			count[picture.At(x, y)]++
		}
	}
	palette := slices.SortedFunc(maps.Keys(count), func(a, b color.Color) int { return count[b] - count[a] })
	reduced := image.NewPaletted(bounds, palette[:min(256, len(palette))])
	draw.Draw(reduced, bounds, picture, bounds.Min, draw.Src)
	return reduced
}
