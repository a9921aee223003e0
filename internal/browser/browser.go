// Package browser lets a test read and click through pages in a real Chromium, as a
// person would: by the words on links and buttons and the names of fields. Every
// failed step fails the test. It knows none of our pages. It is linked into tests
// only.
package browser

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// Widths of the window in CSS pixels, and its height.
const (
	Phone  = 390
	Desk   = 1280
	height = 900
)

// patience bounds one step; a page of ours takes milliseconds, a laden machine
// seconds.
const patience = 20 * time.Second

// Page is a window of a Chromium that belongs to one test.
type Page struct {
	t     *testing.T
	ctx   context.Context
	width int
	seen  *record
}

// Open starts a Chromium with an empty profile and a window of the width. It ends
// with the test, and fails it if a page threw an exception, broke its own content
// security policy or missed a file. Without Chromium the test is SKIPPED, or fails
// where REQUIRE_BROWSER=1 is set.
func Open(t *testing.T, width int) *Page {
	t.Helper()
	ctx, stop := chromedp.NewExecAllocator(context.Background(), options(executable(t))...)
	t.Cleanup(stop)
	ctx, end := chromedp.NewContext(ctx)
	t.Cleanup(end)
	p := &Page{t: t, ctx: ctx, width: width, seen: newRecord()}
	// The first step starts the browser, which lives as long as its context: no
	// deadline here.
	if err := chromedp.Do(ctx, chromedp.EmulateViewport(int64(width), height)); err != nil {
		t.Fatalf("start the browser: %v", err)
	}
	if err := chromedp.Listen(ctx, p.seen.event); err != nil {
		t.Fatalf("listen to the browser: %v", err)
	}
	t.Cleanup(func() {
		for _, complaint := range p.seen.complaints() {
			t.Errorf("the browser complains: %s", complaint)
		}
	})
	return p
}

// options start a Chromium that talks to nobody but the pages, also as root.
func options(path string) []chromedp.ExecAllocatorOption {
	return append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path),
		chromedp.NoSandbox,
		chromedp.Flag("disable-gpu", true),
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-component-update", true),
	)
}

// WithoutScripts turns JavaScript off for the pages to come.
func (p *Page) WithoutScripts() *Page {
	p.t.Helper()
	p.do("turn JavaScript off", chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Call(ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
		return err
	}))
	return p
}

// Visit opens an address, follows where it leads, and returns the page's status.
func (p *Page) Visit(url string) int {
	p.t.Helper()
	return p.load("open "+url, chromedp.Navigate(url))
}

// Press presses the link or button with the words and returns the status of the
// page that it leads to.
func (p *Page) Press(words string) int {
	p.t.Helper()
	return p.load("press "+strconv.Quote(words), chromedp.Click(chromedp.Search(pressable(words)), chromedp.NodeVisible))
}

// pressable is an XPath for the first link or button with the words, which have no
// double quotes: in the main part of the page if there is one there, since the same
// words may stand in its navigation.
func pressable(words string) string {
	hit := `*[self::a or self::button][contains(normalize-space(.), "` + words + `")]`
	return "(//" + hit + "[ancestor::main or not(//main//" + hit + ")])[1]"
}

// Click presses what the CSS selector finds and waits for nothing: for a radio
// button or an opening menu.
func (p *Page) Click(css string) {
	p.t.Helper()
	p.do("click "+css, chromedp.Click(chromedp.CSS(css), chromedp.NodeVisible))
}

// Fill types into the field with the name, over what stood there.
func (p *Page) Fill(name, text string) {
	p.t.Helper()
	field := `[name="` + name + `"]`
	// Not chromedp.Clear: that cannot empty a textarea that is empty already.
	empty := "document.querySelector(" + strconv.Quote(field) + ").value = ''"
	read(p, "empty "+name, chromedp.Evaluate[string](empty))
	p.do("fill in "+name, chromedp.SendKeys(chromedp.CSS(field), text))
}

// Wait returns as soon as the CSS selector finds something that can be seen.
func (p *Page) Wait(css string) {
	p.t.Helper()
	p.do("wait for "+css, chromedp.WaitVisible(chromedp.CSS(css)))
}

// Text is what a person reads in the first element that the CSS selector finds;
// "body" is the whole page.
func (p *Page) Text(css string) string {
	p.t.Helper()
	// Not chromedp.Text: its node may belong to a document that was just left.
	return read(p, "read "+css, chromedp.Evaluate[string]("document.querySelector("+strconv.Quote(css)+")?.innerText ?? ''"))
}

// Says checks that the page says each of the texts, whatever their case: style
// sheets set words in capitals.
func (p *Page) Says(texts ...string) {
	p.t.Helper()
	body := p.Text("body")
	for _, text := range texts {
		if !strings.Contains(strings.ToLower(body), strings.ToLower(text)) {
			p.t.Errorf("%s does not say %q:\n%s", p.Address(), text, body)
		}
	}
}

// Address is where the window is now.
func (p *Page) Address() string {
	p.t.Helper()
	return read(p, "read the address", chromedp.Location())
}

// Shot saves the whole page as build/screens/NAME-WIDTH.png, and fails the test if
// the page has to be scrolled sideways.
func (p *Page) Shot(name string) {
	p.t.Helper()
	const overhang = `document.documentElement.scrollWidth - document.documentElement.clientWidth`
	if over := read(p, "measure the page", chromedp.Evaluate[int](overhang)); over > 0 {
		p.t.Errorf("%s is %d px wider than the window of %d px", p.Address(), over, p.width)
	}
	picture := read(p, "photograph the page", chromedp.FullScreenshot(100))
	folder := filepath.Join(root(p.t), "build", "screens")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, name+"-"+strconv.Itoa(p.width)+".png"), picture, 0o644); err != nil {
		p.t.Fatal(err)
	}
}

// SentCookies are the names of all cookies that the browser ever sent to a host,
// such as www.news.localhost, sorted.
func (p *Page) SentCookies(host string) []string { return p.seen.cookies(host) }

// Context is for what this package does not have: steps of chromedp itself.
func (p *Page) Context() context.Context { return p.ctx }

func (p *Page) do(what string, steps ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	read(p, what, chromedp.Steps(steps...))
}

// load runs a step that leads to another page and waits for that.
func (p *Page) load(what string, step chromedp.Action[chromedp.Void]) int {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	answer, err := chromedp.RunResponse(ctx, step)
	if err != nil {
		p.t.Fatalf("%s: %v\n%s", what, err, p.where())
	}
	if answer == nil { // a fragment of the same page
		return 0
	}
	return int(answer.Status)
}

func read[T any](p *Page, what string, action chromedp.Action[T]) T {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	value, err := chromedp.Run(ctx, action)
	if err != nil {
		p.t.Fatalf("%s: %v\n%s", what, err, p.where())
	}
	return value
}

// where tells in a failure which page the step was taken on.
func (p *Page) where() string {
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	address, _ := chromedp.Run(ctx, chromedp.Location())
	body, _ := chromedp.Run(ctx, chromedp.Evaluate[string](`document.body.innerText`))
	return address + "\n" + body
}
