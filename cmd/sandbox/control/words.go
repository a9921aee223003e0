package control

import (
	"fmt"
	"html/template"
	"regexp"
	"strings"
	"time"
)

// amount writes a sum of the smallest unit as people read it. The catalogue's
// currencies have two decimals, and yen none.
func amount(minor int64, currency string) string {
	code := strings.ToUpper(currency)
	if code == "JPY" || code == "KRW" {
		return fmt.Sprintf("%d %s", minor, code)
	}
	return fmt.Sprintf("%d.%02d %s", minor/100, minor%100, code)
}

func instant(t time.Time) string { return t.UTC().Format("2 Jan 2006, 15:04:05 UTC") }

// ahead says how far the sandbox is ahead of the real time, "" for not at all.
func ahead(by time.Duration) string {
	switch {
	case by < time.Minute:
		return ""
	case by < 2*time.Hour:
		return fmt.Sprintf("%d minutes", int(by.Round(time.Minute).Minutes()))
	case by < 48*time.Hour:
		return fmt.Sprintf("%d hours", int(by.Round(time.Hour).Hours()))
	}
	return fmt.Sprintf("%d days", int((by+time.Minute).Hours()/24))
}

var address = regexp.MustCompile(`https?://[^\s<>"]+`)

// linked is a mail's text with its addresses as links; all else is escaped.
func linked(text string) template.HTML {
	var out strings.Builder
	for {
		at := address.FindStringIndex(text)
		if at == nil {
			break
		}
		url := template.HTMLEscapeString(text[at[0]:at[1]])
		out.WriteString(template.HTMLEscapeString(text[:at[0]]))
		out.WriteString(`<a href="` + url + `">` + url + `</a>`)
		text = text[at[1]:]
	}
	out.WriteString(template.HTMLEscapeString(text))
	return template.HTML(out.String())
}
