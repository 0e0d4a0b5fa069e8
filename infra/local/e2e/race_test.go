//go:build race

package e2e_test

// raceFactor widens time budgets: with the race detector the gateway and the gate run several times slower.
const raceFactor = 5
