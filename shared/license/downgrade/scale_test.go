package downgrade_test

// testScale chooses the size of a test: the smaller one under the race detector.
func testScale(normal, underRace int) int {
	if raceDetector {
		return underRace
	}
	return normal
}
