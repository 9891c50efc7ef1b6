package main

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"syslog-gateway/internal/testkit"
)

// TestReadable shows pages in a browser: no page is scrolled sideways, on a phone or at 1280
// pixels, no table of the reference is at 1280 pixels, and a page asks for its style sheet only.
func TestReadable(t *testing.T) {
	out := t.TempDir()
	testkit.Try(write(os.DirFS("../.."), out))(t)
	server := httptest.NewServer(http.FileServer(http.Dir(out)))
	t.Cleanup(server.Close)
	chromium := testkit.Tool(t, "chromium", "chromium fonts-dejavu-core")
	allocator, end := chromedp.NewExecAllocator(t.Context(), append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(chromium), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-dev-shm-usage", true), chromedp.WSURLReadTimeout(60*time.Second))...)
	t.Cleanup(end)
	ctx, end2 := chromedp.NewContext(allocator)
	t.Cleanup(end2)
	ctx, end3 := context.WithTimeout(ctx, 2*time.Minute)
	t.Cleanup(end3)
	var mu sync.Mutex
	requests := make(map[string]bool)
	chromedp.ListenTarget(ctx, func(event any) {
		if e, ok := event.(*network.EventRequestWillBeSent); ok {
			mu.Lock()
			requests[e.Request.URL] = true
			mu.Unlock()
		}
	})
	run := func(actions ...chromedp.Action) { t.Helper(); testkit.Must(t, chromedp.Run(ctx, actions...)) }
	run(network.Enable())

	const wide = `[...document.querySelectorAll("table")].filter(t => t.scrollWidth > t.clientWidth + 1).length`
	for _, width := range []int64{360, 1280} {
		for _, page := range []string{"index.html", "docs/index.html", "docs/configuration.html", "docs/troubleshooting.html", "docs/install.html", "docs/devices/windows.html", "docs/operations.html"} {
			var scrolls bool
			var tables int
			run(chromedp.EmulateViewport(width, 900), chromedp.Navigate(server.URL+"/"+page),
				chromedp.Evaluate(`document.documentElement.scrollWidth > innerWidth`, &scrolls), chromedp.Evaluate(wide, &tables))
			if scrolls {
				t.Errorf("%s is scrolled sideways at %d pixels", page, width)
			}
			if width == 1280 && page == "docs/configuration.html" && tables != 0 {
				t.Errorf("%d tables of %s are wider than the page", tables, page)
			}
		}
	}
	// The control: the same checks on a table that is too wide.
	var tables int
	run(chromedp.Evaluate(fmt.Sprintf(`document.querySelector("td").innerHTML = "<pre style='width:9999px'></pre>"; %s`, wide), &tables))
	if tables == 0 {
		t.Error("control: a table that is too wide is not seen")
	}
	mu.Lock()
	defer mu.Unlock()
	for url := range requests {
		if !strings.HasPrefix(url, server.URL+"/") {
			t.Errorf("a request to %s", url)
		}
	}
	if !requests[server.URL+"/style.css"] {
		t.Error("the style sheet was not asked for")
	}
}
