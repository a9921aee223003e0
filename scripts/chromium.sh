#!/bin/sh
# Prints the browser that the browser tests drive. Without one it says SKIPPED and
# exits 3, or 1 with REQUIRE_BROWSER=1. `scripts/chromium.sh install` installs one
# first, where that is allowed.
set -eu

find_browser() {
	for name in chromium chromium-browser google-chrome google-chrome-stable headless-shell \
		"/Applications/Chromium.app/Contents/MacOS/Chromium" \
		"/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"; do
		command -v "$name" && return
	done
	return 1
}

# A page without fonts is a page of empty boxes.
install_browser() {
	[ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || return 1
	export DEBIAN_FRONTEND=noninteractive
	log=$(mktemp)
	if { apt-get update && apt-get install -y --no-install-recommends chromium fonts-liberation; } >"$log" 2>&1; then
		rm -f "$log"
		return
	fi
	tail -n 20 "$log" >&2
	rm -f "$log"
	return 1
}

find_browser && exit 0
if [ "${1:-}" = install ] && install_browser; then
	find_browser && exit 0
fi
if [ "${REQUIRE_BROWSER:-}" = 1 ]; then
	echo "REQUIRE_BROWSER=1, but there is no Chromium: apt-get install chromium" >&2
	exit 1
fi
echo "SKIPPED: the browser tests need Chromium (apt-get install chromium); nothing was clicked" >&2
exit 3
