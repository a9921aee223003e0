package simtest

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// complaints is a test that only collects what it is told.
type complaints struct {
	testing.TB
	said []string
}

func (c *complaints) Errorf(format string, args ...any) {
	c.said = append(c.said, fmt.Sprintf(format, args...))
}

// The judge must notice an answer or a leniency that Stripe would not show.
func TestTheJudgeNoticesWhatIsNotStripes(t *testing.T) {
	t.Parallel()
	contract, err := loadContract()
	if err != nil {
		t.Fatal(err)
	}
	const deleted = `{"id": "cus_1", "object": "customer", "deleted": true}`
	for name, c := range map[string]struct {
		method, path, form string
		status             int
		answer, want       string
	}{
		"a good answer":           {"DELETE", "/v1/customers/cus_1", "", 200, deleted, ""},
		"a key that Stripe lacks": {"DELETE", "/v1/customers/cus_1", "", 200, `{"id": "cus_1", "object": "customer", "deleted": true, "gone": 1}`, "would not answer so"},
		"a key that is missing":   {"DELETE", "/v1/customers/cus_1", "", 200, `{"object": "customer", "deleted": true}`, "would not answer so"},
		"a wrong type":            {"DELETE", "/v1/customers/cus_1", "", 200, `{"id": 7, "object": "customer", "deleted": true}`, "would not answer so"},
		"no JSON":                 {"DELETE", "/v1/customers/cus_1", "", 200, `gone`, "is not JSON"},
		"an odd error":            {"DELETE", "/v1/customers/cus_1", "", 404, `{"message": "gone"}`, "would not answer so"},
		"a parameter too many":    {"POST", "/v1/customers", "unicorn=1", 200, deleted, "would refuse"},
		"a parameter not known":   {"POST", "/v1/customers", "balance=1", 400, `{"error": {"type": "invalid_request_error", "code": "parameter_unknown"}}`, "not simulated"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			heard := &complaints{TB: t}
			j := &judge{t: heard, contract: contract, kinds: map[string]bool{}, next: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(c.status)
				fmt.Fprint(w, c.answer)
			})}
			r := httptest.NewRequest(c.method, c.path, strings.NewReader(c.form))
			r.Header.Set("Authorization", "Bearer "+Key)
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			j.ServeHTTP(httptest.NewRecorder(), r)
			all := strings.Join(heard.said, "\n")
			if c.want == "" && all != "" || !strings.Contains(all, c.want) {
				t.Errorf("said %q, want %q", all, c.want)
			}
		})
	}
}
