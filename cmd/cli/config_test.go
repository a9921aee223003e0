package cli

import (
	"os"
	"path/filepath"
	"testing"
)

func TestConfigCheckSaysThatAllIsWell(t *testing.T) {
	t.Parallel()
	membership(t, complete(), "config", "check").
		want(0, "complete", "https://members.example.news", "https://archive.example.news").
		wantNot("hunter2", complete()["PEPPER"])
}

func TestConfigCheckNamesEveryFaultAtOnce(t *testing.T) {
	t.Parallel()
	membership(t, nil, "config", "check").want(2,
		"PUBLIC_URL is missing, for example https://",
		"SITE_NAME is missing",
		"ARTICLE_ORIGINS is missing, for example https://",
		"COOKIE_DOMAIN is missing, for example example.news",
		"DATABASE_URL is missing, for example postgres://",
		"STRIPE_SECRET_KEY is missing, for example rk_live_",
		"STRIPE_WEBHOOK_SECRETS is missing, for example whsec_",
		"SMTP_URL is missing, for example smtp://",
		"MAIL_FROM is missing, for example",
		"PEPPER is missing, for example the output of: openssl",
		"SEALING_KEYS is missing: without it", "keep it where backups of the database are not, for example the output of: openssl",
	)
}

func TestConfigCheckNamesWhatIsWrong(t *testing.T) {
	t.Parallel()
	for _, wrong := range []struct{ name, value string }{
		{"LISTEN", "8080"},
		{"PUBLIC_URL", "members.example.news"},
		{"PUBLIC_URL", "https://members.example.news/"},
		{"PUBLIC_URL", "https://Members.example.news"},
		{"PUBLIC_URL", "https://members.example.news:443"},
		{"PUBLIC_URL", "http://members.example.news"},
		{"PUBLIC_URL", "https://desk:hunter2@members.example.news"},
		{"ARTICLE_ORIGINS", "https://www.example.news/a"},
		{"ARTICLE_ORIGINS", "https://*.example.news"},
		{"ARTICLE_ORIGINS", "https://www.example.news, https://archive.example.news/"},
		{"ARTICLE_ORIGINS", "https://members.example.news"},
		{"COOKIE_DOMAIN", "other.news"},
		{"DATABASE_URL", "mysql://user:hunter2@host/db"},
		{"DATABASE_CONNS", "2"},
		{"STRIPE_SECRET_KEY", "pk_test_hunter2"},
		{"STRIPE_WEBHOOK_SECRETS", "hunter2"},
		{"STRIPE_WEBHOOK_SECRETS", "whsec_hunter2,hunter2"},
		{"STRIPE_API_BASE", "https://stripe.example.com"},
		{"SMTP_URL", "mail.example.news"},
		{"SMTP_URL", "http://desk:hunter2@mail.example.news"},
		{"SMTP_URL", "smtp://desk:hunter2@mail.example.news:no"},
		{"MAIL_FROM", "The Harbour Lantern"},
		{"MAIL_FROM", "The Harbour Lantern, members@example.news"},
		{"PEPPER", "aHVudGVyMg=="},
		{"PEPPER", "hunter2 hunter2 hunter2 hunter2 hunter2"},
		{"SEALING_KEYS", "aHVudGVyMg=="},
		{"SEALING_KEYS", "hunter2!"},
		{"SEALING_KEYS", complete()["SEALING_KEYS"] + ",aHVudGVyMg=="},
		{"TOKEN_ALGORITHM", "HS256"},
		{"LOG_LEVEL", "loud"},
	} {
		t.Run(wrong.name+"="+wrong.value, func(t *testing.T) {
			t.Parallel()
			membership(t, complete().with(wrong.name, wrong.value), "config", "check").
				want(2, wrong.name+" ", "for example").wantNot("hunter2", "aHVudGVyMg", complete()["PEPPER"])
		})
	}
}

// A key that moves real money has no business at a simulator.
func TestLiveKeyRefusesAnotherStripe(t *testing.T) {
	t.Parallel()
	s := complete().with("STRIPE_SECRET_KEY", "sk_live_hunter2")
	membership(t, s, "config", "check").want(2, "STRIPE_API_BASE points away from Stripe").wantNot("hunter2")
}

func TestSecretFromFile(t *testing.T) {
	t.Parallel()
	secret := complete()["SMTP_URL"]
	file := filepath.Join(t.TempDir(), "smtp")
	if err := os.WriteFile(file, []byte(secret+"\n"), 0o600); err != nil { // as editors end files
		t.Fatal(err)
	}
	fromFile := complete().with("SMTP_URL", "").with("SMTP_URL_FILE", file)
	membership(t, fromFile, "config", "check").want(0, "complete")

	membership(t, complete().with("SMTP_URL_FILE", file), "config", "check").
		want(2, "SMTP_URL and SMTP_URL_FILE are both set").wantNot("hunter2")
	membership(t, fromFile.with("SMTP_URL_FILE", file+"s"), "config", "check").
		want(2, "SMTP_URL_FILE", "no such file")
}

// No command goes on with a faulty configuration.
func TestFaultyConfigurationStopsEveryCommand(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"serve"}, {"migrate"}, {"catalog", "apply", "../../catalog.yaml"}} {
		membership(t, nil, args...).want(2, "DATABASE_URL is missing, for example")
	}
}

// What cannot be read at all is one more fault among the others, said once.
func TestUnreadableSettingsHideNothing(t *testing.T) {
	t.Parallel()
	s := complete().with("DATABASE_CONNS", "many").with("JOBS_POLL_ONLY", "perhaps").with("SITE_NAME", "")
	membership(t, s, "config", "check").
		want(2, "settings (3)", "DATABASE_CONNS is not a number, for example 16", "JOBS_POLL_ONLY is neither", "SITE_NAME is missing").
		wantNot("below 4")
}
