package pglocal

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// oldestMajor is the oldest Postgres that the service supports.
const oldestMajor = 14

// ErrNoBinaries says that this machine has no Postgres server that will do, and
// what to do about it.
var ErrNoBinaries = errors.New("no Postgres server (version 14 or newer) on this machine; there are three ways out:\n" +
	"  1. install one: apt-get install postgresql (Debian, Ubuntu), brew install postgresql@17 (macOS),\n" +
	"     apk add postgresql17 (Alpine), dnf install postgresql-server (Fedora, RHEL)\n" +
	"  2. set PG_BIN to the folder that holds initdb and postgres\n" +
	"  3. set DATABASE_URL, or TEST_DATABASE_URL for tests, to a Postgres that runs already")

// usualFolders are where packages put server programs outside of PATH.
var usualFolders = []string{
	"/usr/lib/postgresql/*/bin",                               // Debian, Ubuntu
	"/usr/pgsql-*/bin",                                        // RHEL, from postgresql.org
	"/usr/libexec/postgresql*",                                // Alpine
	"/usr/lib/postgresql*/bin",                                // SUSE
	"/opt/homebrew/opt/postgresql@*/bin",                      // Homebrew on Apple silicon
	"/usr/local/opt/postgresql@*/bin",                         // Homebrew on Intel
	"/home/linuxbrew/.linuxbrew/opt/postgresql@*/bin",         // Homebrew on Linux
	"/Applications/Postgres.app/Contents/Versions/[0-9]*/bin", // Postgres.app
}

// Binaries is the folder of the server programs to use: $PG_BIN if that is set,
// else the newest that pg_config, PATH and the usual folders offer. A data
// directory that exists can be read by its own major version only and so decides;
// dataDir may be empty or missing. Errors wrap ErrNoBinaries, or say which version
// is missing.
func Binaries(dataDir string) (binDir string, err error) {
	return search{env: os.Getenv, usual: usualFolders}.find(dataDir)
}

// search is where to look.
type search struct {
	env   func(string) string
	usual []string // patterns of folders
}

func (s search) find(dataDir string) (string, error) {
	want, err := majorOf(dataDir)
	if err != nil {
		return "", err
	}
	if bin := s.env("PG_BIN"); bin != "" {
		return explicit(bin, want)
	}
	best, found := "", 0
	for _, bin := range s.folders() {
		major := version(bin)
		if major > found && (want == 0 || major == want) {
			best, found = bin, major
		}
	}
	if found >= oldestMajor {
		return best, nil
	}
	if want != 0 {
		return "", otherMajor(dataDir, want)
	}
	return "", ErrNoBinaries
}

// explicit checks $PG_BIN, which is obeyed or refused but never passed over.
func explicit(bin string, want int) (string, error) {
	major := version(bin)
	if major < oldestMajor {
		return "", fmt.Errorf("PG_BIN=%s has no initdb of version %d or newer: %w", bin, oldestMajor, ErrNoBinaries)
	}
	if want != 0 && major != want {
		return "", fmt.Errorf("PG_BIN=%s is Postgres %d, but the data were made by Postgres %d: change PG_BIN, or start with new data", bin, major, want)
	}
	return bin, nil
}

func otherMajor(dataDir string, want int) error {
	return fmt.Errorf("the data in %s were made by Postgres %d, which this machine does not have: install it, or start with new data", dataDir, want)
}

// folders lists candidates, best source first; some may hold no server.
func (s search) folders() []string {
	var all []string
	if program := s.lookPath("pg_config"); program != "" {
		if out, err := output(program, "--bindir"); err == nil {
			all = append(all, strings.TrimSpace(out))
		}
	}
	// Distributions link single programs into PATH; their neighbours stay behind.
	if program := s.lookPath("initdb"); program != "" {
		all = append(all, filepath.Dir(program))
	}
	for _, pattern := range s.usual {
		matches, _ := filepath.Glob(pattern)
		all = append(all, matches...)
	}
	return all
}

// lookPath is the resolved path of a program in PATH, or empty.
func (s search) lookPath(name string) string {
	for _, dir := range filepath.SplitList(s.env("PATH")) {
		if real, err := filepath.EvalSymlinks(filepath.Join(dir, name)); err == nil && filepath.IsAbs(real) {
			return real
		}
	}
	return ""
}

var versionNumber = regexp.MustCompile(`\(PostgreSQL\) (\d+)`)

// version is the major version of the server in a folder, 0 for none: client
// packages leave psql and pg_config without a server, so initdb has to be there.
func version(bin string) int {
	out, err := output(filepath.Join(bin, "initdb"), "--version")
	if err != nil {
		return 0
	}
	match := versionNumber.FindStringSubmatch(out)
	if match == nil {
		return 0
	}
	major, _ := strconv.Atoi(match[1])
	return major
}

func output(program string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, program, args...).Output()
	return string(out), err
}

// majorOf is the version that made a data directory, 0 when there is none.
func majorOf(dataDir string) (int, error) {
	raw, err := os.ReadFile(filepath.Join(dataDir, "PG_VERSION"))
	if dataDir == "" || errors.Is(err, os.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("read the version of the data: %w", err)
	}
	major, err := strconv.Atoi(strings.TrimSpace(string(raw)))
	if err != nil {
		return 0, fmt.Errorf("the data in %s are not those of a Postgres: PG_VERSION says %q", dataDir, raw)
	}
	return major, nil
}
