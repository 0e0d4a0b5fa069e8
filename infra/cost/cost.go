// Package cost computes what the system costs: what each call uses, which a test counts, times a table of prices.
package cost
