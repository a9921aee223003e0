#!/bin/bash
# Breaks a copy of this tree in one way after the other and shows which test notices.
# A mutant is a patch in scripts/mutants with two lines above it: what it breaks, and
# the command that must fail on it. Exits 1 if one survives, does not compile or no
# longer fits the code. The commands must pass on the tree as it is.
# Usage: scripts/mutants.sh [part of a mutant's name]
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
mutants=$PWD/scripts/mutants
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
git ls-files -z --cached --others --exclude-standard | xargs -0 cp --parents -t "$copy"
cd "$copy" || exit 2
export GOFLAGS=-trimpath # the copy's place is no reason to compile everything anew

said() { sed -n "s/^$1: //p" "$2" | head -n 1; }
passes() { timeout 300 sh -c "$1" >"$copy.log" 2>&1; }

# caughtBy names the tests that failed, or the command if it tells none.
caughtBy() {
	local tests
	tests=$(sed -n 's/^--- FAIL: \([^ ]*\).*/\1/p' "$copy.log" | sort -u)
	[ -n "$tests" ] && echo "$(wc -l <<<"$tests") tests, such as $(head -n 1 <<<"$tests")" || echo "$1"
}

bad=0
verdict() {
	printf '%-9s %-58s %4d s  %s\n' "$1" "$(said Mutant "$patch")" "$((SECONDS - begun))" "$2"
	case $1 in caught) ;; *) bad=$((bad + 1)) ;; esac
}

try() {
	begun=$SECONDS
	local test
	test=$(said 'Caught by' "$patch")
	if ! git apply --recount -C1 "$patch" 2>/dev/null; then
		verdict STALE "it no longer fits: mend ${patch##*/}"
		return
	fi
	if ! go build ./... >"$copy.log" 2>&1; then
		verdict BROKEN "it does not compile: $(tail -n 1 "$copy.log")"
	elif passes "$test"; then
		verdict SURVIVED "$test"
	else
		verdict caught "$(caughtBy "$test")"
	fi
	git apply --recount -C1 --reverse "$patch"
}

shopt -s nullglob
chosen=("$mutants"/*"${1:-}"*.patch)
[ ${#chosen[@]} -gt 0 ] || { echo "no mutant is called ${1:-anything}" >&2; exit 2; }
sed -n 's/^Caught by: //p' "${chosen[@]}" | sort -u | while read -r test; do
	passes "$test" && ! grep -q 'no tests to run' "$copy.log" || { tail -n 20 "$copy.log" >&2; echo "this must pass, and run something, without any mutant: $test" >&2; exit 1; }
done || exit 1
for patch in "${chosen[@]}"; do try; done
rm -f "$copy.log"
echo "$((${#chosen[@]} - bad)) of ${#chosen[@]} mutants were caught."
[ "$bad" = 0 ]
