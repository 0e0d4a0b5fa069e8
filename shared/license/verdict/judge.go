package verdict

import (
	"errors"
	"time"

	"qmslicensing/shared/license"
	"qmslicensing/shared/license/licensekey"
)

// Judgement is what the text alone says, without the registry.
type Judgement struct {
	Problems []Problem           // never nil, most decisive first
	Repairs  []licensekey.Repair // never nil
	Genuine  bool                // signed by a key that may sign licenses of this type; Claims are set
	Claims   licensekey.Claims
	KeyID    string
}

// Judge cleans and verifies a pasted license key and lists the problems that follow from it, from the Server Token
// ("" = not given), from the users assigned in QMS (nil = not given) and from the clock. An error comes from lookup.
func Judge(paste string, lookup licensekey.Lookup, token license.ServerToken, assigned *license.Seats, now time.Time) (Judgement, error) {
	reading, err := licensekey.Read(paste, lookup)
	judged := Judgement{Problems: []Problem{}, Repairs: reading.Repairs}
	add := func(problem *Problem) {
		if problem != nil {
			judged.Problems = append(judged.Problems, *problem)
		}
	}
	var damage *licensekey.Damage
	switch {
	case err == nil:
		judged.Genuine, judged.Claims, judged.KeyID = true, reading.Claims, reading.KeyID
	case errors.As(err, &damage):
		add(damaged(damage))
		return judged, nil
	case errors.Is(err, licensekey.ErrSignatureInvalid):
		add(signatureInvalid())
		return judged, nil
	case errors.Is(err, licensekey.ErrUnknownKey):
		add(unknownKey(reading.KeyID))
		return judged, nil
	case errors.Is(err, licensekey.ErrKeyNotForType):
		add(keyNotForType(reading.KeyID, reading.Claims.Type))
	default:
		return Judgement{}, err
	}
	add(serverTokenMismatch(reading.Claims, token))
	add(expired(reading.Claims, now))
	if assigned != nil {
		add(TooManyUsers(reading.Claims.Seats, *assigned))
	}
	return judged, nil
}

// Loads reports whether none of the problems blocks loading.
func Loads(problems []Problem) bool {
	for _, problem := range problems {
		if problem.BlocksLoading {
			return false
		}
	}
	return true
}
