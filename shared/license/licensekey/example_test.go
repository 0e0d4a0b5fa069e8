package licensekey_test

import (
	"errors"
	"fmt"
	"testing"

	"qmslicensing/shared/license/licensekey"
)

func ExampleRead() {
	var t testing.T
	keys := newTestKeys(&t)
	paste := "> License: " + wrap(keys.issue(&t, "sold-2026-1", subscription(&t)), 70, "\n> ")

	reading, err := licensekey.Read(paste, keys.lookup)
	fmt.Println(err, reading.Claims.ServerToken, reading.Claims.ExpiresOn)
	for _, repair := range reading.Repairs {
		fmt.Println(repair.Detail)
	}

	_, err = licensekey.Read(paste[:300], keys.lookup)
	if damage := (*licensekey.Damage)(nil); errors.As(err, &damage) {
		fmt.Println(damage.Sentence())
	}
	// Output:
	// <nil> QMSA-7K2P-9XWD-H4TN-8KQ2 2027-11-30
	// 9 spaces removed.
	// 7 line breaks removed.
	// 8 mail quote marks removed.
	// The label before the license removed.
	// Its end is missing.
}
