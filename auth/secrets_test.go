package auth

import (
	"encoding/base64"
	"encoding/hex"
	"strings"
	"testing"
	"time"
)

// A dump of every table, job arguments and job errors included, must hold nothing
// that was mailed, set as a cookie or signed.
func TestDumpHoldsNoSecret(t *testing.T) {
	t.Parallel()
	b, post := withPost(t)
	prepare(t, b.Service)
	secrets := map[string]string{}

	post.FailNext(451) // so that the job's error is kept too
	cookie, err := b.RequestSignIn(t.Context(), SignIn{Email: "ada@example.org", Kind: "sign_in"})
	if err != nil {
		t.Fatal(err)
	}
	m := next(t, post, "ada@example.org")
	secrets["cookie"] = cookie
	secrets["link"] = linkInMail.FindStringSubmatch(m.Text)[1]
	secrets["code as mailed"] = codeInMail.FindStringSubmatch(m.Text)[1]
	secrets["code"] = strings.ReplaceAll(secrets["code as mailed"], " ", "")
	in, err := b.RedeemLink(t.Context(), secrets["link"], Client{})
	if err != nil {
		t.Fatal(err)
	}
	secrets["refresh token"] = in.Refresh
	b.clock.Advance(24 * time.Hour)
	secrets["rotated refresh token"] = b.refresh(t, in.Refresh)
	if secrets["access token"], _, err = b.Token(t.Context(), Visitor{in.Member, in.Session}, Access{}, ""); err != nil {
		t.Fatal(err)
	}
	err = b.RequestAddress(t.Context(), Visitor{in.Member, in.Session}, NewAddress{Email: "lovelace@example.org", IP: "203.0.113.77"})
	if err != nil {
		t.Fatal(err)
	}
	toNew, toOld := next(t, post, "lovelace@example.org"), nextAbout(t, post, "ada@example.org", "/address/")
	links := addressInMail.FindAllStringSubmatch(toNew.Text+toOld.Text, -1)
	for i, step := range []AddressStep{AddressNew, AddressOld, AddressUndo} {
		secrets["link of the "+string(step)+" address"] = links[i][1]
	}
	secrets["code of the new address"] = strings.ReplaceAll(codeInMail.FindStringSubmatch(toNew.Text)[1], " ", "")
	client, secret, err := b.Clients.Add(t.Context(), NewClient{Name: "The Paper", Audience: paperURL}, why)
	if err != nil {
		t.Fatal(err)
	}
	secrets["client's secret"] = secret
	secrets["client's code"], secrets["client's verifier"] = b.code(t, client.ID, Visitor{in.Member, in.Session}), verifier
	secrets["network"] = "203.0.113"
	secrets["pepper"] = string(b.cfg.Pepper)
	secrets["sealing key"] = string(b.cfg.SealingKeys[0])

	dump := dumpAll(t, b)
	for _, must := range []string{"ada@example.org", in.Session.ID.String(), "sign_in_mail", "address_mail", "451", paperURL, challenge} {
		if !strings.Contains(dump, must) {
			t.Fatalf("the dump is not whole: no %s", must)
		}
	}
	for name, secret := range secrets {
		for _, form := range forms(secret) {
			if strings.Contains(dump, form) {
				t.Errorf("the %s is in the dump, as %s", name, form)
			}
		}
	}
	// What is in memory for signing must not be readable at rest.
	if strings.Contains(dump, `"d":`) || strings.Contains(dump, "PRIVATE KEY") {
		t.Error("a private key is in the dump")
	}
}

// forms are the spellings that a secret could have in a table: as it is, as bytea,
// and its secret half alone, which is all that follows a row's id.
func forms(secret string) []string {
	all := []string{secret, hex.EncodeToString([]byte(secret)), base64.StdEncoding.EncodeToString([]byte(secret))}
	for _, part := range strings.Split(secret, ".") {
		raw, err := base64.RawURLEncoding.DecodeString(part)
		if err != nil || len(raw) < 48 {
			continue
		}
		half := raw[len(raw)-32:]
		all = append(all, hex.EncodeToString(half), base64.RawURLEncoding.EncodeToString(half), base64.StdEncoding.EncodeToString(half))
	}
	return all
}

// dumpAll is every row of every table as text.
func dumpAll(t *testing.T, b bench) string {
	t.Helper()
	var tables []string
	err := b.db.Raw(`SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1`).Scan(&tables).Error
	if err != nil {
		t.Fatal(err)
	}
	var dump strings.Builder
	for _, table := range tables {
		var rows []string
		if err := b.db.Raw(`SELECT row_to_json(r)::text FROM "` + table + `" AS r`).Scan(&rows).Error; err != nil {
			t.Fatal(err)
		}
		dump.WriteString(table + "\n" + strings.Join(rows, "\n") + "\n")
	}
	return dump.String()
}
