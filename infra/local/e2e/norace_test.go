//go:build !race

package e2e_test

// raceFactor leaves time budgets as they are.
const raceFactor = 1
