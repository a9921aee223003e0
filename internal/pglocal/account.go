package pglocal

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"strconv"
	"syscall"
)

var errNoAccount = errors.New("postgres refuses to run as root, and this machine has neither a user postgres nor nobody: " +
	"add one (useradd --system postgres), or run this as another user")

// runAs is the user that Postgres shall run as, nil for ourselves. Only root
// changes: to the owner of data from an earlier run, else postgres, else nobody.
func runAs(data string) (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	if u := owner(data); u != nil {
		return credential(u)
	}
	for _, name := range []string{"postgres", "nobody"} {
		if u, err := user.Lookup(name); err == nil {
			return credential(u)
		}
	}
	return nil, errNoAccount
}

// owner is nil when there are no data, root owns them, or their owner has no
// entry in the user database, without which initdb and postgres do not start.
func owner(data string) *user.User {
	info, err := os.Stat(data)
	if err != nil {
		return nil
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok || stat.Uid == 0 {
		return nil
	}
	u, err := user.LookupId(strconv.Itoa(int(stat.Uid)))
	if err != nil {
		return nil
	}
	return u
}

func credential(u *user.User) (*syscall.Credential, error) {
	uid, uidErr := strconv.ParseUint(u.Uid, 10, 32)
	gid, gidErr := strconv.ParseUint(u.Gid, 10, 32)
	if err := errors.Join(uidErr, gidErr); err != nil {
		return nil, fmt.Errorf("read the ids of user %s: %w", u.Username, err)
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
}

// reaches asks the system itself, as that user, since modes are not the whole
// story: can it enter the directory, or run the program, at path?
func reaches(as *syscall.Credential, path string) bool {
	if as == nil {
		return true
	}
	cmd := exec.Command("/bin/sh", "-c", `test -x "$1"`, "sh", path)
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: as}
	return cmd.Run() == nil
}

// give makes path the property of the server's user.
func give(path string, as *syscall.Credential) error {
	if as == nil {
		return nil
	}
	return os.Chown(path, int(as.Uid), int(as.Gid))
}
