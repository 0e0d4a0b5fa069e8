package licensekey_test

import (
	"encoding/json"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"qmslicensing/shared/license"
	"qmslicensing/shared/license/licensekey"
	"qmslicensing/shared/license/verdict"
)

// vector is one entry of testdata/vectors.json; FORMAT.md says what its members mean.
type vector struct {
	Name        string                `json:"name"`
	Paste       string                `json:"paste"`
	Repeat      int                   `json:"repeat,omitempty"`
	Now         string                `json:"now"`
	ServerToken license.ServerToken   `json:"serverToken,omitempty"`
	Assigned    *license.Seats        `json:"assigned,omitempty"`
	Loads       bool                  `json:"loads"`
	Problems    []verdict.ProblemCode `json:"problems"`
	Cause       licensekey.Cause      `json:"cause,omitempty"`
	Repairs     []string              `json:"repairs"`
	Text        string                `json:"text,omitempty"`
	License     *verdict.View         `json:"license,omitempty"`
}

func (v vector) paste() string { return strings.Repeat(v.Paste, max(1, v.Repeat)) }

func readVectors(t testing.TB) []vector {
	data, err := os.ReadFile("testdata/vectors.json")
	require.NoError(t, err)
	var vectors []vector
	require.NoError(t, json.Unmarshal(data, &vectors))
	return vectors
}

func TestVectors_FilesAreWhatTheSpecificationMakes(t *testing.T) {
	keys := newTestKeys(t)
	golden(t, "keys.json", keys.jwks(t))
	golden(t, "vectors.json", indented(t, buildVectors(t, keys)))
}

func TestVectors_VerdictAndReading(t *testing.T) {
	keys := newTestKeys(t)
	for _, v := range readVectors(t) {
		t.Run(v.Name, func(t *testing.T) {
			now, err := time.Parse(time.RFC3339, v.Now)
			require.NoError(t, err)
			judged, err := verdict.Judge(v.paste(), keys.lookup, v.ServerToken, v.Assigned, now)
			require.NoError(t, err)
			codes := []verdict.ProblemCode{}
			for _, problem := range judged.Problems {
				codes = append(codes, problem.Code)
				require.NotEmpty(t, problem.Title)
				require.NotEmpty(t, problem.Detail)
				require.NotEmpty(t, problem.Remedy)
			}
			require.Equal(t, v.Problems, codes)
			require.Equal(t, v.Loads, verdict.Loads(judged.Problems))
			require.Equal(t, v.License != nil, judged.Genuine)
			if v.License != nil {
				require.Equal(t, v.License, verdict.ViewOf(judged.Claims))
			}

			reading, err := licensekey.Read(v.paste(), keys.lookup)
			repairs := []string{}
			for _, repair := range reading.Repairs {
				repairs = append(repairs, repair.Code)
			}
			require.Equal(t, v.Repairs, repairs, "%v", reading.Repairs)
			var damage *licensekey.Damage
			if errors.As(err, &damage) {
				require.Equal(t, v.Cause, damage.Cause)
			} else {
				require.Empty(t, v.Cause, "%v", err)
			}
			if v.Text != "" {
				require.Equal(t, v.Text, reading.Text)
			}
		})
	}
}

func TestVectors_StrictVerificationTakesTheExactTextAlone(t *testing.T) {
	keys := newTestKeys(t)
	for _, v := range readVectors(t) {
		_, _, err := licensekey.Verify(v.paste(), keys.lookup)
		if v.Text == "" || v.Text != v.paste() {
			var damage *licensekey.Damage
			require.True(t, errors.As(err, &damage) || errors.Is(err, licensekey.ErrSignatureInvalid), "%s: %v", v.Name, err)
			continue
		}
		_, readErr := licensekey.Read(v.paste(), keys.lookup)
		require.Equal(t, readErr, err, v.Name)
	}
}

func TestVectors_EveryCodeCauseAndRepairOccurs(t *testing.T) {
	codes, causes, repairs, names, bad := map[verdict.ProblemCode]bool{}, map[licensekey.Cause]bool{}, map[string]bool{}, map[string]bool{}, 0
	vectors := readVectors(t)
	for _, v := range vectors {
		for _, code := range v.Problems {
			codes[code] = true
		}
		for _, repair := range v.Repairs {
			repairs[repair] = true
		}
		causes[v.Cause] = true
		require.False(t, names[v.Name], "two vectors are named %s", v.Name)
		names[v.Name] = true
		if !v.Loads {
			bad++
		}
	}
	ofTheRegistry := []verdict.ProblemCode{verdict.RevokedCode, verdict.SupersededCode}
	for _, code := range verdict.Codes() {
		require.Equal(t, !slices.Contains(ofTheRegistry, code), codes[code], code)
	}
	for _, cause := range licensekey.Causes() {
		require.Equal(t, cause != licensekey.NotExact, causes[cause], cause) // not_exact is of Verify alone
	}
	for _, repair := range licensekey.Repairs() {
		require.True(t, repairs[string(repair)], repair)
	}
	require.GreaterOrEqual(t, len(vectors), 70)
	require.GreaterOrEqual(t, 2*bad, len(vectors))
}
