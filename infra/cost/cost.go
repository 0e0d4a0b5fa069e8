// Package cost computes what the system costs: what each call uses (calls.json, which infra/local/e2e counts on real
// parts) times list prices (prices.json, with the page of each and whether it is confirmed), and what the templates hold whether
// anyone calls or not. What cannot be counted without an account is assumed, and named so (assumptions.json): Lambda's
// billed milliseconds, the bytes of headers, the lines that Lambda itself logs. No free tier is taken off.
package cost

import (
	"embed"
	"encoding/json"
	"fmt"
)

//go:embed prices.json assumptions.json calls.json
var files embed.FS

// Sheet is all that goes into the computation.
type Sheet struct {
	Prices      Prices
	Assumptions Assumptions
	Calls       Calls
}

// Prices are AWS's list prices of one region.
type Prices struct {
	Region string  `json:"region"`
	Date   string  `json:"date"` // of which the file says whether a price is confirmed
	List   []Price `json:"prices"`
}

// Price is so many dollars for so many units.
type Price struct {
	Name   string  `json:"name"`
	USD    float64 `json:"usd"`
	Per    float64 `json:"per"`
	Unit   string  `json:"unit"`
	Page   string  `json:"page"`   // AWS's own, where to look before a budget rests on it
	Status string  `json:"status"` // confirmed or unconfirmed
}

// of is the price of an amount. A name that the file does not have is a mistake in this package.
func (p Prices) of(name string, amount float64) float64 {
	for _, price := range p.List {
		if price.Name == name {
			return price.USD / price.Per * amount
		}
	}
	panic(fmt.Sprintf("prices.json has no price %q", name))
}

// Assumptions are what was not counted.
type Assumptions struct {
	Milliseconds       map[string]float64 `json:"milliseconds"`       // that Lambda bills for a warm call of a function
	RequestHeaderBytes float64            `json:"requestHeaderBytes"` // an access token alone is about a thousand
	AnswerHeaderBytes  float64            `json:"answerHeaderBytes"`
	PlatformLogBytes   float64            `json:"platformLogBytes"` // platform.start and platform.report of an invocation
}

// Read reads the three files.
func Read() (Sheet, error) {
	var s Sheet
	for name, into := range map[string]any{"prices.json": &s.Prices, "assumptions.json": &s.Assumptions, "calls.json": &s.Calls} {
		text, err := files.ReadFile(name)
		if err == nil {
			err = json.Unmarshal(text, into)
		}
		if err != nil {
			return Sheet{}, fmt.Errorf("reading %s: %w", name, err)
		}
	}
	return s, nil
}
