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
trap 'rm -rf "$copy" "$copy.log"' EXIT
git ls-files -z --cached --others --exclude-standard | xargs -0 cp --parents -t "$copy"
cd "$copy" || exit 2
export GOFLAGS=-trimpath # the copy's place is no reason to compile everything anew

said() { sed -n "s/^$1: //p" "$2" | head -n 1; }
passes() { timeout 300 sh -c "$1" </dev/null >"$copy.log" 2>&1; }

# caughtBy names the tests that failed, or the command if it tells none.
caughtBy() {
	local tests
	tests=$(sed -n 's/^--- FAIL: \([^ ]*\).*/\1/p' "$copy.log" | sort -u)
	case $(wc -w <<<"$tests") in
	0) echo "$1" ;;
	1) echo "$tests" ;;
	*) echo "$(wc -w <<<"$tests") tests, such as $(head -n 1 <<<"$tests")" ;;
	esac
}

bad=0
verdict() {
	printf '%-9s %-66s %3d s  %s\n' "$1" "$(said Mutant "$patch")" "$((SECONDS - begun))" "$2"
	[ "$1" = caught ] || bad=$((bad + 1))
}

try() {
	begun=$SECONDS
	local test
	test=$(said 'Caught by' "$patch")
	if ! git apply --recount -C1 "$patch" 2>/dev/null; then
		verdict STALE "it no longer fits: mend ${patch##*/}"
		return
	fi
	if passes "$test"; then
		verdict SURVIVED "$test"
	elif grep -q '^# ' "$copy.log"; then # go's heading above what a compiler or vet says
		verdict BROKEN "it does not compile: $(grep -v -m 1 '^# ' "$copy.log")"
	else
		verdict caught "$(caughtBy "$test")"
	fi
	git apply --recount -C1 --reverse "$patch"
}

# healthy lists the commands, those for one package's tests as one: most of what a
# command takes is the making of its test program.
healthy() {
	sed -n 's/^Caught by: //p' "$@" | sort -u | awk -F" -run '" '
		NF == 2 { sub(/\047$/, "", $2); of[$1] = of[$1] (of[$1] == "" ? "" : "|") $2; next }
		{ print }
		END { for (each in of) print each " -run \047" of[each] "\047" }'
}

shopt -s nullglob
chosen=("$mutants"/*"${1:-}"*.patch)
[ ${#chosen[@]} -gt 0 ] || { echo "no mutant is called ${1:-anything}" >&2; exit 2; }
while read -r test; do
	passes "$test" && ! grep -q 'no tests to run' "$copy.log" && continue
	tail -n 20 "$copy.log" >&2
	echo "this must pass, and run something, without any mutant: $test" >&2
	exit 1
done < <(healthy "${chosen[@]}")
for patch in "${chosen[@]}"; do try; done
echo "$((${#chosen[@]} - bad)) of ${#chosen[@]} mutants were caught, in $SECONDS s."
[ "$bad" = 0 ]
