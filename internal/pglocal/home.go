package pglocal

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

const (
	// socketRoot is short whatever TMPDIR says: the path of a socket may have
	// 103 bytes.
	socketRoot    = "/tmp"
	scratchPrefix = "membership-pg-"

	memoryRoot        = "/dev/shm"
	memoryRoom uint64 = 1 << 30 // bytes that a test run may need

	logName = "postgres.log"
)

// elsewhere keeps the data when Postgres cannot enter the wanted directory. Only
// root comes to need it, and so may write there.
const elsewhere = "/var/lib/membership-postgres"

// home is where one server lives.
type home struct {
	base    string              // holds data/ and the log
	scratch string              // holds the socket and goes with the server; base itself when temporary
	as      *syscall.Credential // the server's user, nil for ourselves
	lock    *os.File
}

func (h *home) data() string { return filepath.Join(h.base, "data") }

// claim finds or makes the directories, gives them to the server's user and locks
// them against a second server.
func claim(ctx context.Context, dir string) (*home, error) {
	h := new(home)
	prepare := h.temporary
	if dir != "" {
		prepare = func() error { return h.kept(dir, elsewhere) }
	}
	err := prepare()
	if err == nil {
		h.lock, err = lockDir(ctx, h.base, lockPatience)
	}
	if err != nil {
		return nil, errors.Join(err, h.release())
	}
	return h, nil
}

func (h *home) temporary() (err error) {
	if h.as, err = runAs(""); err != nil {
		return err
	}
	if err := h.makeScratch(temporaryRoot(memoryRoot, memoryRoom)); err != nil {
		return err
	}
	// A server knows itself by the path that it sees; /tmp may be a link.
	h.base, err = filepath.EvalSymlinks(h.scratch)
	return err
}

// temporaryRoot prefers memory, where a database costs half of what it costs on
// disk; containers often have too little of it.
func temporaryRoot(memory string, room uint64) string {
	var fs syscall.Statfs_t
	if syscall.Statfs(memory, &fs) == nil && uint64(fs.Bavail)*uint64(fs.Bsize) >= room {
		return memory
	}
	return socketRoot
}

func (h *home) makeScratch(root string) (err error) {
	if h.scratch, err = os.MkdirTemp(root, scratchPrefix); err != nil {
		return err
	}
	return give(h.scratch, h.as)
}

func (h *home) kept(dir, other string) (err error) {
	if h.base, h.as, err = settle(dir, other); err != nil {
		return err
	}
	if err := makeBase(h.base); err != nil {
		return err
	}
	if filepath.Dir(h.base) == other {
		// Root's umask may have closed it to the server's user.
		if err := os.Chmod(other, 0o755); err != nil {
			return err
		}
	}
	if err := give(h.base, h.as); err != nil {
		return err
	}
	return h.makeScratch(socketRoot)
}

// settle says where the data of dir lie and who owns them: in dir, unless the
// server's user cannot enter there (a clone below /root); then below other, under
// a name that the path of dir determines.
func settle(dir, other string) (base string, as *syscall.Credential, err error) {
	if base, err = physical(dir); err != nil {
		return "", nil, err
	}
	if as, err = runAs(filepath.Join(base, "data")); err != nil || reaches(as, filepath.Dir(base)) {
		return base, as, err
	}
	hash := sha256.Sum256([]byte(base))
	base = filepath.Join(other, fmt.Sprintf("%x", hash[:8]))
	as, err = runAs(filepath.Join(base, "data"))
	return base, as, err
}

// physical makes dir's parents and resolves symbolic links.
func physical(dir string) (string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return "", err
	}
	if real, err := filepath.EvalSymlinks(dir); err == nil {
		return real, nil
	}
	parent, err := filepath.EvalSymlinks(filepath.Dir(dir))
	return filepath.Join(parent, filepath.Base(dir)), err
}

// makeBase refuses a directory with somebody else's files: we change its owner.
func makeBase(base string) error {
	if err := os.MkdirAll(filepath.Dir(base), 0o755); err != nil {
		return err
	}
	if err := os.Mkdir(base, 0o700); err == nil || !errors.Is(err, os.ErrExist) {
		return err
	}
	entries, err := os.ReadDir(base)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if entry.Name() == logName {
			return nil
		}
	}
	if len(entries) > 0 {
		return fmt.Errorf("%s holds other files and no data of ours: name an empty or a new directory", base)
	}
	return nil
}

// usable reports binaries that our own user may run and the server's may not.
func (h *home) usable(bin string) error {
	if reaches(h.as, filepath.Join(bin, "postgres")) {
		return nil
	}
	return fmt.Errorf("user id %d, as which postgres must run here, cannot run %s: install it where every user may", h.as.Uid, filepath.Join(bin, "postgres"))
}

// lastWords is the end of the server's log, for the one who reads why it failed.
func (h *home) lastWords() string {
	raw, err := os.ReadFile(filepath.Join(h.base, logName))
	if err != nil {
		return ""
	}
	lines := strings.Split(strings.TrimSpace(string(raw)), "\n")
	return strings.Join(lines[max(0, len(lines)-8):], "\n")
}

// release forgets the home; the watcher, if there was one, has ended.
func (h *home) release() error {
	var err error
	if h.scratch != "" {
		err = os.RemoveAll(h.scratch)
	}
	if h.lock != nil {
		_ = h.lock.Close()
	}
	return err
}
