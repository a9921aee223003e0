package auth

import (
	"strings"
	"testing"
)

func TestEveryFaultIsNamedAtOnce(t *testing.T) {
	t.Parallel()
	cfg := Config{
		Issuer:      "https://members.example.news/",
		Audiences:   []string{"www.example.news", "https://members.example.news/"},
		Algorithm:   "HS256",
		Pepper:      make([]byte, 31),
		SealingKeys: [][]byte{make([]byte, 16)},
	}
	_, err := New(nil, nil, nil, nil, cfg, nil, nil)
	if err == nil {
		t.Fatal("accepted")
	}
	for _, fault := range []string{"issuer", `"www.example.news" is not an origin`, "is the issuer itself", "site name", "client id", "HS256", "pepper has 31", "sealing key 1 has 16"} {
		if !strings.Contains(err.Error(), fault) {
			t.Errorf("%q is not named in:\n%v", fault, err)
		}
	}
	_, err = New(nil, nil, nil, nil, Config{}, nil, nil)
	for _, fault := range []string{"no audience", "no sealing key", "pepper has 0"} {
		if !strings.Contains(err.Error(), fault) {
			t.Errorf("%q is not named in:\n%v", fault, err)
		}
	}
}
