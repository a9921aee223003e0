package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"reflect"
	"strings"
	"time"

	"newsroom.example/membership/cmd/cli"
	"newsroom.example/membership/cmd/service"
)

// staff runs the service's command line in a sandbox that is running, on its clock:
// what the newsroom's staff would type, such as `sandbox membership explain
// ada@example.org`. It returns the command line's exit code.
func staff(ctx context.Context, args []string, stdout, stderr io.Writer) (code int, err error) {
	dir := ".sandbox"
	if len(args) > 1 && args[0] == "--data" {
		dir, args = args[1], args[2:]
	}
	h := &home{dir: dir}
	if ours, err := h.load(); err != nil || !ours {
		return 0, errors.Join(err, &usageError{fmt.Errorf("no sandbox keeps its data in %s: start one with make sandbox, or name its directory: sandbox membership --data DIR …", dir)})
	}
	text, err := os.ReadFile(h.path(settingsFile))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, &usageError{fmt.Errorf("the sandbox in %s is not running: start it with make sandbox", dir)}
	}
	var environ []string
	if err == nil {
		err = json.Unmarshal(text, &environ)
	}
	if err != nil {
		return 0, fmt.Errorf("read the settings of the sandbox: %w", err)
	}
	clock := &clock{ahead: h.kept.Ahead}
	return cli.Run(ctx, args, environ, stdout, stderr, service.Clocks{Newsroom: clock.now, Real: time.Now}), nil
}

// staff is what a command prints, or an error with what it says is wrong.
func (s *sandbox) staff(ctx context.Context, args ...string) (string, error) {
	var out, problem bytes.Buffer
	clocks := service.Clocks{Newsroom: s.clock.now, Real: time.Now}
	if code := cli.Run(ctx, args, environ(s.settings), &out, &problem, clocks); code != 0 {
		return "", fmt.Errorf("membership %s ended with %d: %s", strings.Join(args, " "), code, problem.String())
	}
	return out.String(), nil
}

// keepSettings writes what the command line has to know, for as long as the sandbox
// runs.
func (s *sandbox) keepSettings() error {
	text, err := json.Marshal(environ(s.settings))
	if err == nil {
		err = os.WriteFile(s.home.path(settingsFile), text, 0o600)
	}
	if err != nil {
		return fmt.Errorf("keep the settings: %w", err)
	}
	s.atEnd(func() error { return os.Remove(s.home.path(settingsFile)) })
	return nil
}

// environ writes a configuration as the environment that it is read from.
func environ(c service.Config) []string {
	var all []string
	for _, field := range reflect.VisibleFields(reflect.TypeFor[service.Config]()) {
		name, ok := field.Tag.Lookup("env")
		if !ok {
			continue
		}
		value := reflect.ValueOf(c).FieldByIndex(field.Index).Interface()
		if list, ok := value.([]string); ok {
			value = strings.Join(list, ",")
		}
		all = append(all, fmt.Sprintf("%s=%v", name, value))
	}
	return all
}
