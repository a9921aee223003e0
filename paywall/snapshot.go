package paywall

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// The keys file holds the issuer's document as it was fetched; the file's time
// says when that was.

// loadKeys takes the keys from Config.KeysFile, where an earlier run, or who
// installed the program, left them. Whatever is wrong with it, the issuer will
// be asked next.
func (v *Verifier) loadKeys() {
	path := v.config.KeysFile
	if path == "" {
		return
	}
	err := v.readKeys(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		v.config.Logger.Warn("paywall: keys file not used", "error", err)
	}
}

func (v *Verifier) readKeys(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	age := max(0, time.Since(info.ModTime())) // a clock that was put back makes nothing fresher
	if age > v.config.MaxStale {
		return fmt.Errorf("%s is %v old", path, age.Round(time.Minute))
	}
	document, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	return v.install(document, time.Now().Add(-age))
}

// saveKeys writes the keys for the next start: beside the file first, so that
// nobody reads half of it.
func (v *Verifier) saveKeys(set *keySet) error {
	path := v.config.KeysFile
	if path == "" {
		return nil
	}
	file, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return fmt.Errorf("write keys file: %w", err)
	}
	_, err = file.Write(set.document)
	err = errors.Join(err, file.Close(), os.Chtimes(file.Name(), set.fetched, set.fetched))
	if err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("write keys file: %w", err), os.Remove(file.Name()))
	}
	return nil
}
