package cli

import "testing"

// A purchase under an address whose owner says that it was not them: support sees it, and
// gives it to whom it was.
func TestAStrayPurchaseIsPutRight(t *testing.T) {
	t.Parallel()
	d := openDesk(t)
	ada, adam := d.member("ada@example.org"), d.member("adam@example.org")
	stray := d.buysAs("ada@example.org")
	d.run("members", "find", "ada@").want(0, stray.String(), "provisional")
	if err := d.bill.DisownStray(t.Context(), ada, stray); err != nil {
		t.Fatal(err)
	}
	d.run("members", "show", stray.String()).want(0, "provisional, not the address owner's", "Waits for you", "said that the purchase is not theirs",
		"membership members merge "+stray.String())
	d.run("members", "show", "ada@example.org").want(0, "Same address", "not the address owner's", "purchase.disowned").wantNot("Waits for you")
	d.run("explain", stray.String()).want(0, "Waits for you", "said that the purchase is not theirs")

	merge := []string{"members", "merge", stray.String(), "--into", "adam@example.org", "--reason", "Mistyped the address"}
	d.run(merge...).want(2, "nobody is there to ask")
	d.run(append(merge, "--dry-run")...).want(0, "subscriptions 1, payments 1, grants 1", "signed out everywhere", "Nothing was done (--dry-run)")
	d.run("explain", "adam@example.org").want(0, "Nothing beyond what is open")
	d.run(append(merge, "--yes", "--as", "night-shift")...).want(0, "They are one member now")
	d.run(append(merge, "--yes")...).want(1, "They are one member already")
	d.run("explain", "adam@example.org").want(0, "articles:full", "bought without signing in, and added on")
	d.run("members", "show", stray.String()).want(0, adam.String(), "adam@example.org (proven)", "Took in", stray.String(), "cli:night-shift  member.merged", "Mistyped the address").
		wantNot("Waits for you")
	d.run("members", "find", "ada@").want(0, ada.String(), adam.String()).wantNot("provisional")

	d.run("members", "merge", ada.String(), "--into", adam.String(), "--reason", "x", "--yes").want(1, "Somebody has proven the address")
	d.run("members", "merge", adam.String(), "--into", d.buysAs("new@example.org").String(), "--reason", "x", "--yes").want(1, "proven")
	d.run("members", "merge", "zelda", "--into", adam.String(), "--reason", "x", "--yes").want(1, "No member has that address")
	d.run("members", "merge", "--help").want(0, "Example: membership members merge")
}
