package webhooks_test

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/stripe/stripe-go/v76"
	"github.com/stripe/stripe-go/v76/webhook"

	"newsroom.example/membership/internal/pglocal/pgtest"
	"newsroom.example/membership/models"
	"newsroom.example/membership/webhooks"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

const secret = "whsec_first"

// endpoint is the intake behind a real listener, on a real database.
type endpoint struct {
	t      *testing.T
	db     *models.DB
	intake *webhooks.Intake
	url    string
	woken  atomic.Int64
}

func open(t *testing.T, secrets ...string) *endpoint {
	t.Helper()
	if secrets == nil {
		secrets = []string{secret}
	}
	return openOn(t, pgtest.Open(t), secrets...)
}

func openOn(t *testing.T, db *models.DB, secrets ...string) *endpoint {
	t.Helper()
	end := &endpoint{t: t, db: db}
	now := func() time.Time { return noon }
	var err error
	end.intake, err = webhooks.New(end.db, webhooks.Config{Secrets: secrets}, now, time.Now,
		func() { end.woken.Add(1) }, slog.New(slog.NewTextHandler(t.Output(), nil)))
	if err != nil {
		t.Fatal(err)
	}
	e := echo.New()
	e.POST("/webhooks/stripe", end.intake.Receive)
	server := httptest.NewServer(e)
	t.Cleanup(server.Close)
	end.url = server.URL + "/webhooks/stripe"
	return end
}

// deliver posts a body as Stripe would sign it.
func (end *endpoint) deliver(body string) int {
	end.t.Helper()
	return end.post(body, header(body, secret, noon))
}

func (end *endpoint) post(body, signature string) int {
	end.t.Helper()
	status, _ := end.answer(body, signature)
	return status
}

func (end *endpoint) answer(body, signature string) (int, string) {
	end.t.Helper()
	req, err := http.NewRequestWithContext(end.t.Context(), http.MethodPost, end.url, strings.NewReader(body))
	if err != nil {
		end.t.Fatal(err)
	}
	if signature != "" {
		req.Header.Set("Stripe-Signature", signature)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		end.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		end.t.Fatal(err)
	}
	return res.StatusCode, string(text)
}

func header(body, key string, at time.Time) string {
	return webhook.GenerateTestSignedPayload(&webhook.UnsignedPayload{Payload: []byte(body), Secret: key, Timestamp: at}).Header
}

func eventBody(id, object string) string {
	return fmt.Sprintf(`{"id":%q,"object":"event","type":"invoice.paid","created":%d,"livemode":false,"api_version":%q,"data":{"object":%s}}`,
		id, noon.Unix(), stripe.APIVersion, object)
}

func (end *endpoint) events() []models.StripeEvent {
	end.t.Helper()
	var all []models.StripeEvent
	if err := end.db.Order("id").Find(&all).Error; err != nil {
		end.t.Fatal(err)
	}
	return all
}

// dirty is a subject's count; 0 where there is none.
func (end *endpoint) dirty(id string) int64 {
	end.t.Helper()
	var row models.SyncSubject
	if err := end.db.Where("id = ?", id).Take(&row).Error; err != nil && !models.NotFound(err) {
		end.t.Fatal(err)
	}
	return row.Dirty
}

func TestAnAcknowledgedEventIsStored(t *testing.T) {
	t.Parallel()
	end := open(t)
	if status := end.deliver(eventBody("evt_1", `{"id":"in_1","object":"invoice","customer":"cus_1"}`)); status != 200 {
		t.Fatalf("status %d", status)
	}
	stored := end.events()
	if len(stored) != 1 || stored[0].ObjectID != "in_1" || *stored[0].SubjectID != "cus_1" || stored[0].Dirty != 1 || !stored[0].CreatedAt.Equal(noon) {
		t.Errorf("%+v", stored)
	}
	if end.dirty("cus_1") != 1 || end.woken.Load() != 1 {
		t.Errorf("dirty %d, woken %d", end.dirty("cus_1"), end.woken.Load())
	}
}

// What each object leads to: its customer, or the payment of a guest.
func TestSubjects(t *testing.T) {
	t.Parallel()
	end := open(t)
	for name, c := range map[string]struct{ object, subject string }{
		"customer":                {`{"id":"cus_a","object":"customer"}`, "cus_a"},
		"subscription":            {`{"id":"sub_1","object":"subscription","customer":"cus_b"}`, "cus_b"},
		"expanded customer":       {`{"id":"sub_1","object":"subscription","customer":{"id":"cus_c","object":"customer"}}`, "cus_c"},
		"guest payment":           {`{"id":"pi_d","object":"payment_intent","customer":null}`, "pi_d"},
		"payment with a customer": {`{"id":"pi_e","object":"payment_intent","customer":"cus_e"}`, "cus_e"},
		"refund":                  {`{"id":"re_1","object":"refund","payment_intent":"pi_f"}`, "pi_f"},
		"dispute":                 {`{"id":"du_1","object":"dispute","charge":"ch_1","payment_intent":"pi_g"}`, "pi_g"},
		"product":                 {`{"id":"prod_1","object":"product"}`, ""},
		"an odd customer":         {`{"id":"new_1","object":"novelty","customer":[7]}`, ""},
	} {
		id := "evt_" + strings.ReplaceAll(name, " ", "_")
		if status := end.deliver(eventBody(id, c.object)); status != 200 {
			t.Errorf("%s: status %d", name, status)
		}
		if c.subject != "" && end.dirty(c.subject) != 1 {
			t.Errorf("%s: %s is not dirty", name, c.subject)
		}
	}
	if got := len(end.events()); got != 9 {
		t.Errorf("%d events stored", got)
	}
}

// A redelivery of what was not synced yet makes sure that it will be; of what was,
// it changes nothing.
func TestRedeliveries(t *testing.T) {
	t.Parallel()
	end := open(t)
	body := eventBody("evt_1", `{"id":"in_1","object":"invoice","customer":"cus_1"}`)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if status := end.deliver(body); status != 200 {
				t.Errorf("status %d", status)
			}
		})
	}
	all.Wait()
	if len(end.events()) != 1 || end.dirty("cus_1") == 0 {
		t.Errorf("%d events, dirty %d", len(end.events()), end.dirty("cus_1"))
	}
	synced := end.dirty("cus_1")
	err := end.db.Model(&models.SyncSubject{}).Where("id = ?", "cus_1").Updates(map[string]any{"claimed": synced, "synced": synced}).Error
	if err != nil {
		t.Fatal(err)
	}
	if status := end.deliver(body); status != 200 || end.dirty("cus_1") != synced {
		t.Errorf("status %d, dirty %d, want %d", status, end.dirty("cus_1"), synced)
	}
}

func TestSignatures(t *testing.T) {
	t.Parallel()
	end := open(t, secret, "whsec_second")
	body := eventBody("evt_1", `{"id":"in_1","object":"invoice","customer":"cus_1"}`)
	good := header(body, secret, noon)
	for name, c := range map[string]struct {
		signature string
		status    int
	}{
		"good":                 {good, 200},
		"the other secret":     {header(body, "whsec_second", noon), 200},
		"rolled: two v1":       {good + ",v1=" + strings.Repeat("00", 32), 200},
		"with a v0":            {good + ",v0=abc", 200},
		"four minutes old":     {header(body, secret, noon.Add(-4*time.Minute)), 200},
		"missing":              {"", 400},
		"not a header":         {"hello", 400},
		"no time":              {good[strings.Index(good, "v1="):], 400},
		"no signature":         {"t=1", 400},
		"another secret":       {header(body, "whsec_other", noon), 400},
		"an empty secret":      {header(body, "", noon), 400},
		"another body":         {header(body+" ", secret, noon), 400},
		"six minutes old":      {header(body, secret, noon.Add(-6*time.Minute)), 400},
		"six minutes ahead":    {header(body, secret, noon.Add(6*time.Minute)), 400},
		"a negative time":      {strings.Replace(good, "t=", "t=-", 1), 400},
		"a v0 in place of v1":  {strings.Replace(good, "v1=", "v0=", 1), 400},
		"cut short":            {good[:len(good)-2], 400},
		"a thousand of others": {fmt.Sprintf("t=%d", noon.Unix()) + strings.Repeat(",v1=00", 1000), 400},
	} {
		status, text := end.answer(body, c.signature)
		if status != c.status {
			t.Errorf("%s: status %d, want %d", name, status, c.status)
		}
		if strings.Contains(text, "whsec") {
			t.Errorf("%s: the answer tells a secret: %s", name, text)
		}
	}
}

// What cannot be an event is refused with a reason, and nothing of it is stored.
func TestBadBodies(t *testing.T) {
	t.Parallel()
	end := open(t)
	for name, c := range map[string]struct {
		body   string
		status int
	}{
		"empty":            {"", 400},
		"not JSON":         {"{", 400},
		"an array":         {"[]", 400},
		"an endless id":    {`{"id":"evt_` + strings.Repeat("x", 300) + `","type":"x"}`, 400},
		"no such year":     {`{"id":"evt_1","type":"x","created":9999999999999}`, 400},
		"no id":            {`{"type":"x"}`, 400},
		"another id":       {`{"id":"cus_1","type":"x"}`, 400},
		"NUL in the id":    {`{"id":"evt_\u0000","type":"x"}`, 400},
		"NUL in a subject": {eventBody("evt_nul", `{"id":"in_1","object":"invoice","customer":"cus_\u0000"}`), 400},
		"bad UTF-8":        {"{\"id\":\"evt_\xff\xfe\",\"type\":\"x\"}", 200},
		"deep nesting":     {strings.Repeat("[", 100_000), 400},
		"wrong types":      {`{"id":1,"type":2}`, 400},
		"deep objects":     {strings.Repeat(`{"data":`, 60_000), 400},
		"ten megabytes":    {strings.Repeat(" ", 10<<20), 413},
		"oversized":        {eventBody("evt_big", `{"id":"in_1","object":"invoice","pad":"`+strings.Repeat("x", 600<<10)+`"}`), 413},
	} {
		if status := end.deliver(c.body); status != c.status {
			t.Errorf("%s: status %d, want %d", name, status, c.status)
		}
	}
	for _, stored := range end.events() {
		if stored.Type != "x" || stored.SubjectID != nil {
			t.Errorf("stored: %+v", stored)
		}
	}
}

// Live events at an endpoint of test mode are acknowledged and kept aside.
func TestTheOtherModeIsQuarantined(t *testing.T) {
	t.Parallel()
	end := open(t)
	body := strings.Replace(eventBody("evt_1", `{"id":"in_1","object":"invoice","customer":"cus_1"}`), `"livemode":false`, `"livemode":true`, 1)
	if status := end.deliver(body); status != 200 {
		t.Errorf("status %d", status)
	}
	if stored := end.events(); len(stored) != 1 || !stored[0].Quarantined || stored[0].SubjectID != nil || end.dirty("cus_1") != 0 {
		t.Errorf("%+v, dirty %d", stored, end.dirty("cus_1"))
	}
}

// A setting in Stripe's dashboard must not become an outage.
func TestAnotherAPIVersionIsProcessed(t *testing.T) {
	t.Parallel()
	end := open(t)
	body := strings.Replace(eventBody("evt_1", `{"id":"in_1","object":"invoice","customer":"cus_1"}`), stripe.APIVersion, "2030-01-01", 1)
	if status := end.deliver(body); status != 200 || end.dirty("cus_1") != 1 {
		t.Errorf("status %d, dirty %d", status, end.dirty("cus_1"))
	}
}

// Without the database nothing is acknowledged, and Stripe is asked to come again.
func TestWithoutTheDatabaseNothingIsAcknowledged(t *testing.T) {
	t.Parallel()
	end := open(t)
	end.db.Close()
	if status := end.deliver(eventBody("evt_1", `{"id":"in_1","object":"invoice","customer":"cus_1"}`)); status != 503 {
		t.Errorf("status %d", status)
	}
}

func TestAnEmptySecretIsRefused(t *testing.T) {
	t.Parallel()
	for _, secrets := range [][]string{nil, {}, {""}, {secret, ""}} {
		if _, err := webhooks.New(nil, webhooks.Config{Secrets: secrets}, time.Now, time.Now, func() {}, slog.Default()); err == nil {
			t.Errorf("%q was taken", secrets)
		}
	}
}
