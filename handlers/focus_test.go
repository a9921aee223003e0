package handlers_test

import (
	"context"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	chromium "newsroom.example/membership/internal/browser"
)

// inFront lets the window have the focus, as a person's has.
var inFront = chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
	_, err := chromedp.Call(ctx, emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: true})
	return err
})

// unmarked lists what the keyboard reaches on the page and what shows no ring of 2 px
// when it does. A radio button's ring is around its whole choice.
const unmarked = `[...document.querySelectorAll("a, button, summary, input:not([type=hidden]), textarea")].
	filter((e) => e.tabIndex >= 0).
	filter((e) => {
		e.focus({ focusVisible: true });
		const ring = getComputedStyle(e.closest(".choice") ?? e);
		return ring.outlineStyle !== "solid" || parseFloat(ring.outlineWidth) < 2;
	}).map((e) => e.outerHTML.slice(0, 80)).join("\n")`

func TestFocusCanBeSeen(t *testing.T) {
	t.Parallel()
	site := httptest.NewServer(open(t).site)
	t.Cleanup(site.Close)
	p := chromium.Open(t, chromium.Desk)
	must(chromedp.Run(p.Context(), inFront))(t)
	for _, path := range []string{"/membership", "/contribute", "/signin", "/newsletter/sent"} {
		p.Visit(strings.Replace(site.URL, "127.0.0.1", "localhost", 1) + path)
		if without := must(chromedp.Run(p.Context(), chromedp.Evaluate[string](unmarked)))(t); without != "" {
			t.Errorf("%s: no ring around\n%s", path, without)
		}
	}
}
