package stripesim

import (
	"net/http"
	"strings"
)

// authenticate takes any test key, as a bearer or as the user name of basic
// authentication. A live key is refused before anything else is looked at.
// https://docs.stripe.com/api/authentication
func authenticate(r *http.Request) *apiError {
	key, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok {
		key, _, ok = r.BasicAuth()
	}
	switch {
	case !ok || key == "":
		return unauthorized("", "You did not provide an API key. You need to provide your API key in the Authorization header, "+
			"using Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY').")
	case strings.HasPrefix(key, "pk_"):
		return unauthorized("secret_key_required", "This API call cannot be made with a publishable API key. Please use a secret API key.")
	case testKey(key):
		return nil
	}
	return unauthorized("", "Invalid API Key provided: %s", masked(key))
}

func testKey(key string) bool {
	for _, prefix := range []string{"sk_test_", "rk_test_"} {
		if rest, ok := strings.CutPrefix(key, prefix); ok && rest != "" {
			return true
		}
	}
	return false
}

// masked hides a key but for its kind and its last four letters.
func masked(key string) string {
	if len(key) < 16 {
		return "****"
	}
	return key[:8] + strings.Repeat("*", len(key)-12) + key[len(key)-4:]
}
