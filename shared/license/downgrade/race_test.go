//go:build race

package downgrade_test

// raceDetector says that these tests run some ten times slower than the code does.
const raceDetector = true
