// Package verdict says why a license loads in QMS or does not: every problem, the most decisive first, each with what
// is, why, and what to do now. It reads the key table and, for licenses that are genuine, what became of the record.
package verdict

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"qmslicensing/shared/license"
	"qmslicensing/shared/license/licensekey"
)

// Registry knows what became of the licenses on record.
type Registry interface {
	// Fate returns what became of a license. The error is a *license.Error with LicenseNotFound when there is no record.
	Fate(ctx context.Context, licenseID string) (Fate, error)
}

// Fate is what became of a recorded license. On is the day it was revoked or superseded.
type Fate struct {
	Status license.Status
	On     license.Date
}

// Question is what a person wants to know about a license key.
type Question struct {
	LicenseKey  string              // as pasted
	ServerToken license.ServerToken // of the server it is for; empty = not given
	Assigned    *license.Seats      // users assigned in QMS; nil = not given
}

// Verdict is the answer. Loads means that nothing blocks loading; Valid that there is no problem at all.
type Verdict struct {
	Loads    bool                `json:"loads"`
	Valid    bool                `json:"valid"`
	Problems []Problem           `json:"problems"`          // never nil, most decisive first
	Repairs  []licensekey.Repair `json:"repairs"`           // never nil
	License  *View               `json:"license,omitempty"` // only of a license whose signature is genuine
}

// View is what the License View of QMS shows.
type View struct {
	ServerToken license.ServerToken `json:"serverToken"`
	Type        license.Type        `json:"type"`
	ExpiresOn   license.Date        `json:"expiresOn"`
	Modules     license.Modules     `json:"modules"`
	Seats       license.Seats       `json:"seats"`
	Suite       int                 `json:"suite"`
}

// ViewOf returns the License View of a license key's claims.
func ViewOf(c licensekey.Claims) *View {
	return &View{c.ServerToken, c.Type, c.ExpiresOn, license.ModulesOf(c.Seats, c.Suite), c.Seats, c.Suite}
}

// Validator answers questions about license keys.
type Validator struct {
	keys     func(ctx context.Context) licensekey.Lookup
	registry Registry
	alarm    *slog.Logger
	now      func() time.Time
}

// NewValidator returns a Validator. alarm gets an error for every genuine license key that the registry does not know
// as issued: somebody signed outside this system, or a record is lost.
func NewValidator(keys func(ctx context.Context) licensekey.Lookup, registry Registry, alarm *slog.Logger, now func() time.Time) *Validator {
	return &Validator{keys, registry, alarm, now}
}

// Validate returns the verdict. An error means that there is none: keys or registry could not be read.
func (v *Validator) Validate(ctx context.Context, q Question) (Verdict, error) {
	judged, err := Judge(q.LicenseKey, v.keys(ctx), q.ServerToken, q.Assigned, v.now())
	if err != nil {
		return Verdict{}, fmt.Errorf("judging a license key: %w", err)
	}
	verdict := Verdict{Problems: judged.Problems, Repairs: judged.Repairs}
	if judged.Genuine {
		verdict.License = ViewOf(judged.Claims)
		if problem, err := v.registered(ctx, judged); err != nil {
			return Verdict{}, err
		} else if problem != nil {
			verdict.Problems = append(verdict.Problems, *problem)
		}
	}
	verdict.Loads = Loads(verdict.Problems)
	verdict.Valid = len(verdict.Problems) == 0
	return verdict, nil
}

// registered says what the registry has against a genuine license, if anything.
func (v *Validator) registered(ctx context.Context, judged Judgement) (*Problem, error) {
	fate, err := v.registry.Fate(ctx, judged.Claims.ID)
	var refusal *license.Error
	if errors.As(err, &refusal) && refusal.Code == license.LicenseNotFound {
		v.raise(ctx, judged, "no record")
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the fate of license %s: %w", judged.Claims.ID, err)
	}
	switch fate.Status {
	case license.Revoked:
		return revoked(judged.Claims, fate.On), nil
	case license.Superseded:
		return superseded(judged.Claims, fate.On), nil
	case license.Pending, license.Void:
		v.raise(ctx, judged, string(fate.Status))
	}
	return nil, nil
}

// raise writes the line that the alarm signature-without-record counts (infra/stacks/alarms.yaml). It names neither the
// Server Token nor the key.
func (v *Validator) raise(ctx context.Context, judged Judgement, record string) {
	v.alarm.ErrorContext(ctx, "signature without record",
		"licenseId", judged.Claims.ID, "keyId", judged.KeyID, "record", record)
}
