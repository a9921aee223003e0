#!/bin/sh
# Prints what runs the verifiers of docs/verify.md: `scripts/languages.sh node` the
# folder in which jose is installed, `scripts/languages.sh python` an interpreter that
# has PyJWT. Where there is none it says SKIPPED and exits 3, or 1 with
# REQUIRE_LANGUAGES=1. `scripts/languages.sh install` installs both, where that is
# allowed: jose into build/, the rest from Debian.
set -eu
cd "$(dirname "$0")/.."
jose=6

find_node() {
	command -v node >/dev/null && [ -d build/languages/node_modules/jose ] && echo "$PWD/build/languages"
}

# A python of one's own, earlier in the PATH than Debian's, does not see its packages.
find_python() {
	for name in python3 /usr/bin/python3; do
		"$name" -c 'import jwt, cryptography' >/dev/null 2>&1 && command -v "$name" && return
	done
	return 1
}

from_debian() {
	[ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || return 1
	export DEBIAN_FRONTEND=noninteractive
	apt-get update && apt-get install -y --no-install-recommends "$@"
}

quietly() {
	log=$(mktemp)
	"$@" >"$log" 2>&1 || { tail -n 20 "$log" >&2; rm -f "$log"; return 1; }
	rm -f "$log"
}

install_node() {
	command -v npm >/dev/null || quietly from_debian nodejs npm || return 1
	quietly npm install --prefix build/languages --no-save --no-audit --no-fund --ignore-scripts "jose@$jose"
}

none() {
	if [ "${REQUIRE_LANGUAGES:-}" = 1 ]; then
		echo "REQUIRE_LANGUAGES=1, but there is no $1: scripts/languages.sh install" >&2
		exit 1
	fi
	echo "SKIPPED: the verifier of docs/verify.md needs $1 (scripts/languages.sh install); nothing was checked" >&2
	exit 3
}

case "${1:-}" in
node) find_node || none "node with jose" ;;
python) find_python || none "python with PyJWT" ;;
install)
	status=0
	(find_node >/dev/null || install_node || none "node with jose") || status=$?
	(find_python >/dev/null || quietly from_debian python3-jwt python3-cryptography || none "python with PyJWT") || status=$?
	exit $status
	;;
*)
	echo "usage: scripts/languages.sh node|python|install" >&2
	exit 2
	;;
esac
