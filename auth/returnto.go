package auth

import (
	"net/url"
	"slices"
	"strings"
)

// maxReturn bounds what we keep with an attempt, in bytes.
const maxReturn = 2048

// SafeReturn is where a reader may be sent whose request said raw: a path on this
// service, or a URL on it, on one of the audiences or on a client's. It returns "" for anything
// else, and never fails. The answer is rebuilt from the parsed parts and has no
// fragment. A query that is not plain, such as a tracking link's with an address in
// it, is left out: the reader finds the article all the same.
//
// Browsers read a URL otherwise than Go does: they drop tabs and line breaks, take \
// for /, and treat %2e as a dot. Everything that the two could read differently is
// refused before it is parsed.
func (s *Service) SafeReturn(raw string) string {
	if to := s.safeReturn(raw); to != "" {
		return to
	}
	path, _, _ := strings.Cut(raw, "?")
	return s.safeReturn(path)
}

func (s *Service) safeReturn(raw string) string {
	for _, origin := range slices.Concat([]string{s.cfg.Issuer}, s.cfg.Audiences, s.Clients.Origins()) {
		rest, ours := strings.CutPrefix(raw, origin)
		if !ours {
			continue
		}
		if path := safePath(orElse(rest, "/")); path != "" {
			return origin + path
		}
	}
	return safePath(raw)
}

// safePath returns raw if it is a path, with or without a query, that means the same
// to everybody; otherwise "".
func safePath(raw string) string {
	if !strings.HasPrefix(raw, "/") || !plainlySpelt(raw) {
		return ""
	}
	u, err := url.Parse(raw)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || u.Opaque != "" {
		return ""
	}
	for segment := range strings.SplitSeq(u.Path, "/") {
		if segment == "." || segment == ".." {
			return ""
		}
	}
	rebuilt := (&url.URL{Path: u.Path, RawPath: u.RawPath, RawQuery: u.RawQuery}).String()
	if len(rebuilt) > maxReturn { // escapes are longer than what they stand for
		return ""
	}
	return rebuilt
}

// plainlySpelt says whether s is printable ASCII without backslashes, double
// slashes, and hidden slashes and dots.
func plainlySpelt(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	lower := strings.ToLower(s)
	return !slices.ContainsFunc([]string{`\`, "//", "%2f", "%5c", "%2e"}, func(bad string) bool {
		return strings.Contains(lower, bad)
	})
}
