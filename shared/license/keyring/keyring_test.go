package keyring_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"qmslicensing/shared/license"
	"qmslicensing/shared/license/keyring"
	"qmslicensing/shared/license/licensekey"
	"qmslicensing/shared/license/licensetest"
)

// countedSource is a key table that counts how often it is read.
type countedSource struct {
	entries []keyring.Entry
	err     error
	reads   int
}

func (s *countedSource) Keys(context.Context) ([]keyring.Entry, error) {
	s.reads++
	return s.entries, s.err
}

func TestRing_AnUnknownKeyIDIsReadAgainAtMostOnceAMinute(t *testing.T) {
	_, keys := licensetest.Keys(t)
	clock, source := licensetest.NewClock(), &countedSource{entries: keys[:3]}
	ring := keyring.New(source, clock.Now)
	lookup := ring.Lookup(context.Background())
	found, err := lookup(keys[0].ID)
	require.NoError(t, err)
	require.Equal(t, keys[0].Key, found)
	for range 100 {
		_, err = lookup("sold-2026-2")
		require.ErrorIs(t, err, licensekey.ErrUnknownKey)
	}
	require.Equal(t, 1, source.reads)
	source.entries = keys
	clock.Advance(time.Minute)
	_, err = lookup("sold-2026-2")
	require.NoError(t, err, "the table has it now")
	require.Equal(t, 2, source.reads)
	clock.Advance(time.Hour)
	_, err = lookup("sold-2026-2")
	require.NoError(t, err)
	require.Equal(t, 2, source.reads, "a known key is not read again")
}

func TestRing_TheSignerIsTheOneInStateSigning(t *testing.T) {
	_, keys := licensetest.Keys(t)
	clock, source := licensetest.NewClock(), &countedSource{entries: keys}
	ring := keyring.New(source, clock.Now)
	signer, err := ring.Signer(context.Background(), license.SoldKey)
	require.NoError(t, err)
	require.Equal(t, "sold-2026-1", signer.ID)

	promoted := append([]keyring.Entry{}, keys...)
	promoted[2].State, promoted[3].State = keyring.Retired, keyring.Signing
	source.entries = promoted
	signer, err = ring.Signer(context.Background(), license.SoldKey)
	require.NoError(t, err)
	require.Equal(t, "sold-2026-1", signer.ID, "for up to a minute")
	clock.Advance(time.Minute)
	signer, err = ring.Signer(context.Background(), license.SoldKey)
	require.NoError(t, err)
	require.Equal(t, "sold-2026-2", signer.ID)

	source.entries = keys[:2]
	clock.Advance(time.Minute)
	_, err = ring.Signer(context.Background(), license.SoldKey)
	require.ErrorContains(t, err, "make keys")
}

func TestRing_ATableThatCannotBeReadIsNoVerdict(t *testing.T) {
	source := &countedSource{err: errors.New("away")}
	_, err := keyring.New(source, time.Now).Lookup(context.Background())("sold-2026-1")
	require.ErrorIs(t, err, source.err)
	require.NotErrorIs(t, err, licensekey.ErrUnknownKey)
}

func TestTypesFor_NoTypeHasTwoPurposes(t *testing.T) {
	require.Equal(t, []license.Type{license.Temporary}, keyring.TypesFor(license.TemporaryKey))
	require.Equal(t, []license.Type{license.Permanent, license.Subscription}, keyring.TypesFor(license.SoldKey))
}
