package api

import (
	"context"
	"net/http"
	"time"

	"qmslicensing/shared/httpapi"
	"qmslicensing/shared/license"
	"qmslicensing/shared/license/downgrade"
	"qmslicensing/shared/license/keyring"
	"qmslicensing/shared/license/licensekey"
	"qmslicensing/shared/license/verdict"
)

// maxUsers bounds the users of one downgrade check.
const maxUsers = 25_000

type downgradeBody struct {
	LicenseKey *string           `json:"licenseKey"`
	Modules    *license.Modules  `json:"modules"`
	Users      *[]downgrade.User `json:"users"`
	Assigned   *license.Seats    `json:"assigned"`
}

type downgradeAnswer struct {
	Loads    bool                `json:"loads"`
	Problems []verdict.Problem   `json:"problems"`
	Modules  *downgrade.Counts   `json:"modules,omitempty"`
	Plan     []downgrade.Step    `json:"plan,omitempty"`
	Repairs  []licensekey.Repair `json:"repairs"`
}

// DowngradeCheck handles POST /v1/licenses/downgrade-check.
func DowngradeCheck(keys *keyring.Ring, now func() time.Time) http.Handler {
	options := downgradeCheckRoute.options(maxDowngradeBody)
	options.Nullable = []string{"lastActiveOn"}
	return httpapi.Handle(options, func(ctx context.Context, _ httpapi.Request, in downgradeBody) (httpapi.Response, error) {
		if err := in.check(); err != nil {
			return httpapi.Response{}, err
		}
		answer := downgradeAnswer{Problems: []verdict.Problem{}, Repairs: []licensekey.Repair{}}
		var seats license.Seats
		if in.LicenseKey != nil {
			judged, err := verdict.Judge(*in.LicenseKey, keys.Lookup(ctx), "", nil, now())
			if err != nil {
				return httpapi.Response{}, err
			}
			answer.Problems, answer.Repairs = judged.Problems, judged.Repairs
			if !judged.Genuine {
				return httpapi.Response{Body: answer}, nil
			}
			seats = judged.Claims.Seats
		} else {
			seats = in.Modules.Seats()
		}
		result, err := in.compare(seats)
		if err != nil {
			return httpapi.Response{}, err
		}
		assigned := license.Seats{
			CallRecording:     result.Modules.CallRecording.Assigned,
			ComputerRecording: result.Modules.ComputerRecording.Assigned,
			AgentEvaluation:   result.Modules.AgentEvaluation.Assigned,
		}
		if problem := verdict.TooManyUsers(seats, assigned); problem != nil {
			answer.Problems = append(answer.Problems, *problem)
		}
		answer.Loads, answer.Modules, answer.Plan = verdict.Loads(answer.Problems), &result.Modules, result.Plan
		return httpapi.Response{Body: answer}, nil
	})
}

// check wants exactly one license and exactly one kind of users.
func (in downgradeBody) check() error {
	switch {
	case (in.LicenseKey == nil) == (in.Modules == nil):
		return license.Invalid("/licenseKey", "Send exactly one of licenseKey and modules.")
	case (in.Users == nil) == (in.Assigned == nil):
		return license.Invalid("/users", "Send exactly one of users and assigned.")
	case in.LicenseKey != nil && *in.LicenseKey == "":
		return license.Invalid("/licenseKey", "Paste the license key.")
	case in.Users != nil && len(*in.Users) > maxUsers:
		return license.Refuse(license.PayloadTooLarge, "This list has %d users; the most is 25,000. Send the counts in assigned instead.", len(*in.Users)).At("/users")
	case in.Modules != nil:
		return in.Modules.Check("/modules")
	}
	return nil
}

func (in downgradeBody) compare(seats license.Seats) (downgrade.Result, error) {
	if in.Users != nil {
		return downgrade.Check(seats, *in.Users)
	}
	return downgrade.CheckCounts(seats, *in.Assigned)
}
