//go:build race

package licensekey_test

const raceFactor = 20
