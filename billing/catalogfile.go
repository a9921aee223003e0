package billing

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"newsroom.example/membership/models"
	"newsroom.example/membership/money"
)

// Catalog is what a newsroom sells and takes, as its catalog.yaml says it.
type Catalog struct {
	Features  map[string]string      `yaml:"features"` // id → words for readers
	Plans     map[string]CatalogPlan `yaml:"plans"`
	Donations CatalogDonations       `yaml:"donations"`
	Policy    models.Policy          `yaml:"policy"` // what is left out is as shipped

	By string `yaml:"-"` // who applies it, for the audit log
}

// CatalogPlan is one plan of the file.
type CatalogPlan struct {
	Name        string        `yaml:"name"`
	Description string        `yaml:"description"`
	Rank        int           `yaml:"rank"`
	GraceDays   int           `yaml:"grace_days"`
	GivenTo     string        `yaml:"given_to"`
	Features    []string      `yaml:"features"`
	Prices      CatalogPrices `yaml:"prices"`
}

// CatalogPrices are amounts as people write them, by interval and currency.
type CatalogPrices map[models.Interval]map[string]string

// CatalogDonations is what donors may give.
type CatalogDonations struct {
	Once       bool          `yaml:"once"`
	Monthly    bool          `yaml:"monthly"`
	Currencies yaml.MapSlice `yaml:"currencies"` // in the file's order

	currencies []donationCurrency
}

type donationCurrency struct {
	Currency string   `yaml:"-"`
	Presets  []string `yaml:"presets"`
	Minimum  string   `yaml:"minimum"`
	Maximum  string   `yaml:"maximum"`
}

// ParseCatalog reads a catalogue file. It refuses unknown keys and names every
// fault at once, in words for whoever edits the file.
func ParseCatalog(file []byte) (Catalog, error) {
	c := Catalog{Policy: DefaultPolicy()}
	if err := yaml.UnmarshalWithOptions(file, &c, yaml.Strict()); err != nil {
		return c, fmt.Errorf("the catalogue cannot be read:\n%s", yaml.FormatError(err, false, true))
	}
	if err := c.Donations.read(); err != nil {
		return c, err
	}
	return c, errors.Join(slices.Concat(c.planFaults(), c.Donations.faults(), policyFaults(c.Policy))...)
}

func (d *CatalogDonations) read() error {
	for _, item := range d.Currencies {
		text, err := yaml.Marshal(item.Value)
		if err != nil {
			return fmt.Errorf("donations: %w", err)
		}
		one := donationCurrency{Currency: fmt.Sprint(item.Key)}
		if err := yaml.UnmarshalWithOptions(text, &one, yaml.Strict()); err != nil {
			return fmt.Errorf("the catalogue cannot be read: donations in %s:\n%s", one.Currency, yaml.FormatError(err, false, true))
		}
		d.currencies = append(d.currencies, one)
	}
	return nil
}

var (
	featureID  = regexp.MustCompile(`^[a-z0-9-]+:[a-z0-9-]+$`)
	planID     = regexp.MustCompile(`^[a-z0-9-]+$`)
	currencyID = regexp.MustCompile(`^[a-z]{3}$`)
)

// What fits into a token, which is a cookie: features of all plans may meet in one.
const (
	maxFeatures  = 32
	maxFeatureID = 48
)

// faultList collects what is wrong with the file, each with where it is.
type faultList []error

func (f *faultList) add(where, format string, args ...any) {
	*f = append(*f, fmt.Errorf("%s: %s", where, fmt.Sprintf(format, args...)))
}

func (c Catalog) planFaults() (faults faultList) {
	for _, id := range sortedKeys(c.Features) {
		if !featureID.MatchString(id) {
			faults.add("features."+id, "a feature is two words with a colon, like articles:full")
		}
		if len(id) > maxFeatureID {
			faults.add("features."+id, "a feature's key has at most %d characters: it travels in every token", maxFeatureID)
		}
	}
	if len(c.Features) > maxFeatures {
		faults.add("features", "there are %d, a token holds at most %d", len(c.Features), maxFeatures)
	}
	given := map[string]string{}
	for _, id := range sortedKeys(c.Plans) {
		plan, where := c.Plans[id], "plans."+id
		if !planID.MatchString(id) {
			faults.add(where, "a plan's key is lower-case letters, digits and dashes")
		}
		if other, ok := given[plan.GivenTo]; ok && plan.GivenTo != "" {
			faults.add(where, "given_to: %s is also said of plan %s", plan.GivenTo, other)
		}
		given[plan.GivenTo] = id
		faults = append(faults, plan.faults(where)...)
		faults = append(faults, c.featureFaults(where, plan.Features)...)
		faults = append(faults, plan.priceFaults(where)...)
	}
	return faults
}

func (p CatalogPlan) faults(where string) (faults faultList) {
	if p.Name == "" {
		faults.add(where, "name is missing")
	}
	if p.Rank < 0 {
		faults.add(where, "rank is %d, it starts at 0", p.Rank)
	}
	if p.GraceDays < 0 || p.GraceDays > 28 {
		faults.add(where, "grace_days is %d, it goes from 0 to 28", p.GraceDays)
	}
	return faults
}

func (c Catalog) featureFaults(where string, features []string) (faults faultList) {
	if len(features) == 0 {
		faults.add(where, "a plan needs at least one feature")
	}
	for _, feature := range features {
		if _, ok := c.Features[feature]; !ok {
			faults.add(where, "feature %q is not under features", feature)
		}
	}
	return faults
}

func (p CatalogPlan) priceFaults(where string) (faults faultList) {
	if p.GivenTo != "" && p.GivenTo != models.GivenToNewsletter {
		faults.add(where, "given_to is %q, it can only be %s", p.GivenTo, models.GivenToNewsletter)
	}
	if (p.GivenTo != "") == (len(p.Prices) > 0) {
		faults.add(where, "a plan has either prices or given_to")
	}
	for _, interval := range sortedKeys(p.Prices) {
		if interval != models.Monthly && interval != models.Yearly {
			faults.add(where+".prices", "interval is %q, it can be month or year", interval)
		}
		for _, currency := range sortedKeys(p.Prices[interval]) {
			at := fmt.Sprintf("%s.prices.%s.%s", where, interval, currency)
			if _, fault := readAmount(p.Prices[interval][currency], currency); fault != "" {
				faults.add(at, "%s", fault)
			}
		}
	}
	return faults
}

func (d CatalogDonations) faults() (faults faultList) {
	if len(d.currencies) > 0 && !d.Once && !d.Monthly {
		faults.add("donations", "neither once nor monthly is true")
	}
	for _, c := range d.currencies {
		faults = append(faults, c.faults("donations.currencies."+c.Currency)...)
	}
	return faults
}

func (c donationCurrency) faults(where string) (faults faultList) {
	low, fault := readAmount(c.Minimum, c.Currency)
	if fault != "" {
		faults.add(where+".minimum", "%s", fault)
	}
	high, fault := readAmount(c.Maximum, c.Currency)
	if fault != "" {
		faults.add(where+".maximum", "%s", fault)
	}
	if len(faults) > 0 {
		return faults
	}
	if high.Minor < low.Minor {
		faults.add(where, "maximum %s is below minimum %s", high, low)
	}
	var seen []money.Money
	for _, text := range c.Presets {
		preset, fault := readAmount(text, c.Currency)
		switch {
		case fault != "":
			faults.add(where+".presets", "%s", fault)
		case preset.Minor < low.Minor || preset.Minor > high.Minor:
			faults.add(where+".presets", "%s is not between minimum %s and maximum %s", preset, low, high)
		case slices.Contains(seen, preset):
			faults.add(where+".presets", "%s is there twice", preset)
		}
		seen = append(seen, preset)
	}
	return faults
}

// readAmount reads one amount of the file; fault says what is wrong with it.
func readAmount(text, currency string) (m money.Money, fault string) {
	if !currencyID.MatchString(currency) {
		return m, fmt.Sprintf("currency is %q, it is three lower-case letters like eur", currency)
	}
	least, known := money.Minimum(currency)
	if !known {
		return m, fmt.Sprintf("currency %s is not one we know Stripe's minimum of", strings.ToUpper(currency))
	}
	m, err := money.Parse(text, currency)
	switch {
	case err != nil:
		return m, fmt.Sprintf("amount is %q: %v; write it like \"8\" or \"8.50\"", text, err)
	case m.Minor < least.Minor:
		return m, fmt.Sprintf("%s is below %s, the smallest charge that Stripe takes", m, least)
	}
	return m, ""
}

func sortedKeys[K ~string, V any](m map[K]V) []K {
	keys := make([]K, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
