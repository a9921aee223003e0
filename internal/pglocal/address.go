package pglocal

import (
	"fmt"
	"net/url"
	"os"
	"strings"

	"github.com/jackc/pgx/v5"
)

// socketPort names the socket file; nothing listens on the network.
const socketPort = "5432"

// address is a connection string whose database can be exchanged.
type address struct {
	given string // a postgres:// URL, or a DSN of key=value pairs
}

func socketAddress(dir string) address {
	query := url.Values{"host": {dir}, "port": {socketPort}}
	u := url.URL{Scheme: "postgres", User: url.User("postgres"), Path: "/postgres", RawQuery: query.Encode()}
	return address{given: u.String()}
}

// database relies on Use having parsed the address before.
func (a address) database(name string) string {
	if name == "" {
		return a.given
	}
	if !strings.Contains(a.given, "://") {
		return a.given + " dbname='" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(name) + "'"
	}
	u, err := url.Parse(a.given)
	if err != nil {
		return a.given
	}
	u.Path = "/" + name
	return u.String()
}

// Use is the server at url, a postgres:// URL or a DSN, which somebody else runs:
// Stop leaves it alone. Use does not connect; it refuses an address that it
// cannot read, without repeating it, since it may hold a password.
func Use(url string) (*Server, error) {
	if _, err := pgx.ParseConfig(url); err != nil {
		return nil, fmt.Errorf("read the database address: want postgres://user:password@host/database")
	}
	return &Server{address: address{given: url}}, nil
}

// TestURL is the server that tests shall use instead of a private one, from
// TEST_DATABASE_URL; empty means a private one.
func TestURL() string { return os.Getenv("TEST_DATABASE_URL") }
