# Runs one Postgres for as long as standard input stays open, and then stops it
# cleanly. The process that started us keeps the only other end of that pipe, so
# the server ends with it even after kill -9.
#
# Arguments: the folder of the server binaries; the directory that holds data and
# log; the directory to remove at the end; then the options of the server.
# File 3 is the lock on the data, ours until the server has gone.

bin=$1
base=$2
scratch=$3
shift 3

# The end of a terminal is not yet the end of our owner.
trap '' HUP

# Half a data directory would look like a whole one: make it aside, then rename.
prepare() {
	[ -f "$base/data/PG_VERSION" ] && return
	rm -rf -- "$base/data" "$base/data.new"
	"$bin/initdb" -D "$base/data.new" -U postgres -A trust -E UTF8 --locale=C --no-sync \
		</dev/null >>"$base/postgres.log" 2>&1 &&
		mv -- "$base/data.new" "$base/data"
}

server=
: >"$base/postgres.log"
if prepare; then
	# Without file 3: an orphan must not hold the lock against those who come to stop it.
	"$bin/postgres" -D "$base/data" "$@" </dev/null 2>>"$base/postgres.log" 3>&- &
	server=$!
fi
# Standard output now belongs to the server alone; its end tells the owner that
# the server has gone.
exec >/dev/null

order=
read -r order
if [ -n "$server" ]; then
	# INT is the fast shutdown, but a shell starts its background jobs deaf to it;
	# TERM reaches a server that has not yet set up its own handlers.
	kill -s TERM "$server"
	kill -s INT "$server"
	wait "$server"
fi
[ "$order" = keep ] || rm -rf -- "$scratch"
