package handlers

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"mime"
	"net/http"
	"path"

	"github.com/labstack/echo/v4"
)

//go:embed static/*
var staticFiles embed.FS

// assets are the style and script files. Each has its content's hash in its
// address, so that browsers may keep it for ever.
type assets struct{ byName map[string]assetFile }

type assetFile struct {
	hash, kind string
	body       []byte
}

func loadAssets() (*assets, error) {
	entries, err := staticFiles.ReadDir("static")
	if err != nil {
		return nil, fmt.Errorf("list the static files: %w", err)
	}
	a := &assets{byName: map[string]assetFile{}}
	for _, entry := range entries {
		body, err := staticFiles.ReadFile("static/" + entry.Name())
		if err != nil {
			return nil, fmt.Errorf("read static file %s: %w", entry.Name(), err)
		}
		sum := sha256.Sum256(body)
		a.byName[entry.Name()] = assetFile{hex.EncodeToString(sum[:6]), mime.TypeByExtension(path.Ext(entry.Name())), body}
	}
	return a, nil
}

// url is the address of a file, for templates.
func (a *assets) url(name string) (string, error) {
	f, ok := a.byName[name]
	if !ok {
		return "", fmt.Errorf("no static file %s", name)
	}
	return "/static/" + f.hash + "/" + name, nil
}

// asset serves a file under its present hash; an old one is gone, as the page that
// named it is.
func (s *server) asset(c echo.Context) error {
	f, ok := s.assets.byName[c.Param("name")]
	if !ok || f.hash != c.Param("hash") {
		return echo.ErrNotFound
	}
	c.Response().Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	return c.Blob(http.StatusOK, f.kind, f.body)
}
