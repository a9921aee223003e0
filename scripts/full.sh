#!/bin/sh
# The long runs, which nobody waits for before a change: every test three times in
# another order, every property 20 times as often, every fuzz target for FUZZTIME.
# Usage: scripts/full.sh [60s]
set -eu
fuzztime=${1:-60s}
export CGO_ENABLED=1

go test -race -shuffle=on -count=3 -timeout 90m ./...

for package in $(grep -rl --include='*_test.go' pgregory.net/rapid . | xargs -n1 dirname | sort -u); do
	echo "== properties in $package"
	go test -count=1 -timeout 3h "$package" -rapid.checks=2000
done

grep -rHo --include='*_test.go' '^func Fuzz[A-Za-z0-9]*' . | while IFS=: read -r file target; do
	echo "== ${target#func } in $(dirname "$file") for $fuzztime"
	go test -run '^$' -fuzz "^${target#func }\$" -fuzztime "$fuzztime" "$(dirname "$file")"
done
