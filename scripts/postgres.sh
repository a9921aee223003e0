#!/bin/sh
# Sees to it that the sandbox and the tests have a Postgres server program of
# version 14 or newer, and the tests a C compiler for the race detector. Silent
# when there is nothing to do. Starts no server: that is internal/pglocal's work,
# which looks in the same places.
set -eu

oldest=14

# newest prints the highest major version in the folders that pglocal knows.
newest() {
	best=0
	linked=$(command -v initdb || true)
	linked=$(readlink -f "$linked" 2>/dev/null || echo "$linked")
	for folder in "${PG_BIN:-}" "$(pg_config --bindir 2>/dev/null || true)" "${linked%/initdb}" \
		/usr/lib/postgresql/*/bin \
		/usr/pgsql-*/bin \
		/usr/libexec/postgresql* \
		/usr/lib/postgresql*/bin \
		/opt/homebrew/opt/postgresql@*/bin \
		/usr/local/opt/postgresql@*/bin \
		/home/linuxbrew/.linuxbrew/opt/postgresql@*/bin \
		/Applications/Postgres.app/Contents/Versions/[0-9]*/bin; do
		[ -x "$folder/initdb" ] || continue
		major=$("$folder/initdb" --version 2>/dev/null | sed -n 's/.*(PostgreSQL) \([0-9]*\).*/\1/p')
		[ "${major:-0}" -gt "$best" ] && best=$major
	done
	echo "$best"
}

served() {
	[ -n "${DATABASE_URL:-}${TEST_DATABASE_URL:-}" ] || [ "$(newest)" -ge "$oldest" ]
}

compiles() {
	[ "${CGO_ENABLED:-1}" = 0 ] && return
	for compiler in "${CC:-gcc}" gcc clang cc; do
		command -v "$compiler" >/dev/null && return
	done
	return 1
}

# Fresh containers have no package lists, old ones have lists of packages long gone.
install_packages() {
	echo "installing $* with apt-get"
	log=$(mktemp)
	if apt-get install -y --no-install-recommends "$@" >"$log" 2>&1 ||
		{ apt-get update && apt-get install -y --no-install-recommends "$@"; } >"$log" 2>&1; then
		rm -f "$log"
		return
	fi
	tail -n 20 "$log" >&2
	rm -f "$log"
	return 1
}

# Debian starts a server of its own with the package unless it is told not to.
install_postgres() {
	install_packages postgresql-common || return 1
	conf=/etc/postgresql-common/createcluster.conf
	if ! grep -qs '^create_main_cluster *= *false' "$conf"; then
		echo "setting create_main_cluster = false in $conf: no system server is needed"
		sed -i '/^create_main_cluster/d' "$conf"
		echo 'create_main_cluster = false' >>"$conf"
	fi
	install_packages postgresql
}

may_install() {
	[ "$(id -u)" = 0 ] && command -v apt-get >/dev/null
}

# advice is the command that installs a server on this machine.
advice() {
	for manager in apt-get brew apk dnf yum pacman; do
		command -v "$manager" >/dev/null && break
		manager=
	done
	case $manager in
	apt-get) echo "sudo apt-get install postgresql" ;;
	brew) echo "brew install postgresql@17" ;;
	apk) echo "apk add postgresql17" ;;
	dnf | yum) echo "sudo $manager install postgresql-server" ;;
	pacman) echo "sudo pacman -S postgresql" ;;
	*) echo "see https://www.postgresql.org/download/" ;;
	esac
}

refuse() {
	cat >&2 <<END
There is no Postgres server (version $oldest or newer) on this machine. Three ways out:
  1. install one: $(advice)
  2. set PG_BIN to the folder that holds initdb and postgres
  3. set DATABASE_URL, or TEST_DATABASE_URL for the tests, to a Postgres that runs already
END
	exit 1
}

export DEBIAN_FRONTEND=noninteractive
if ! compiles && may_install; then
	# Only the race detector needs it, and go says so itself when it is missing.
	install_packages gcc libc6-dev || true
fi
served && exit 0
if may_install; then
	install_postgres || true
fi
served || refuse
