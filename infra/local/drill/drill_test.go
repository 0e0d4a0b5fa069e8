package drill_test

import (
	"bytes"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"qmslicensing/infra/local/drill"
	"qmslicensing/infra/local/template"
)

// run runs a drill. Functions are started anew instead of waiting for them to read the key table again: make drill-rotate
// waits that minute, and make test does not.
func run(t *testing.T, name string, change func(*template.Application)) (string, error) {
	t.Helper()
	var out bytes.Buffer
	err := drill.Run(t.Context(), name, drill.Options{Out: &out, Log: t.Output(), Traffic: time.Second, Restart: true, Change: change})
	t.Log(out.String())
	return out.String(), err
}

func TestRotate_NoLicenseAndNoRequestIsLost(t *testing.T) {
	out, err := run(t, "rotate", nil)
	require.NoError(t, err)
	before := regexp.MustCompile(`licenses issued before the rotation +(sold-\S+): [1-9]\d*, (temporary-\S+): [1-9]\d*\n`).FindStringSubmatch(out)
	after := regexp.MustCompile(`licenses issued after the rotation +(sold-\S+): [1-9]\d*, (temporary-\S+): [1-9]\d*\n`).FindStringSubmatch(out)
	require.Len(t, before, 3, out)
	require.Len(t, after, 3, out)
	require.NotEqual(t, before[1], after[1], "another key signs")
	require.NotEqual(t, before[2], after[2], "another key signs")
	require.Regexp(t, regexp.MustCompile(`requests, failures +[1-9]\d+, 0`), out)
}

func TestRotate_AStandbyThatAWriterMayNotUseFailsTheDrill(t *testing.T) {
	_, err := run(t, "rotate", func(app *template.Application) {
		for n, key := range app.Keys {
			if key.Purpose == "sold" && key.State == "standby" {
				sign := &app.Keys[n].Policy[0]
				sign.Principals = slices.DeleteFunc(slices.Clone(sign.Principals), func(role string) bool {
					return role == roleOf(app, "RenewSubscriptionFunction")
				})
			}
		}
	})
	require.ErrorContains(t, err, "drill rotate failed: a request failed")
	require.ErrorContains(t, err, "expected status 201; saw 503")
	require.Regexp(t, regexp.MustCompile(`RenewSubscriptionFunction was refused kms:Sign on Sold\w+ \(arn:aws:kms:`), err.Error())
}

func roleOf(app *template.Application, function string) string {
	at := slices.IndexFunc(app.Functions, func(f template.Function) bool { return f.LogicalID == function })
	return app.Functions[at].RoleARN
}

func TestKeyLoss_TheRestGoesOnAndNothingIsLost(t *testing.T) {
	out, err := run(t, "key-loss", nil)
	require.NoError(t, err)
	require.Regexp(t, regexp.MustCompile(`orders and renewals refused with 503 +4 and 2\n`), out)
	require.Regexp(t, regexp.MustCompile(`finished by the same request again, by the sweep +3, 3\n`), out)
	require.Regexp(t, regexp.MustCompile(`sold licenses, signatures of the key +9, 9\n`), out)
}

func TestRun_AnUnknownDrillNamesThose(t *testing.T) {
	_, err := run(t, "fire", nil)
	require.EqualError(t, err, `there is no drill "fire": choose one of key-loss, restore, rotate`)
}

func TestRestore_WhatWasAcknowledgedBeforeIsThereAndTheRestIsNamed(t *testing.T) {
	out, err := run(t, "restore", nil)
	require.NoError(t, err)
	require.Regexp(t, regexp.MustCompile(`licenses acknowledged before the export +25, all there`), out)
	require.Regexp(t, regexp.MustCompile(`licenses acknowledged after it +6, all named`), out)
	require.Regexp(t, regexp.MustCompile(`requests and exceptions that these took +2, open again`), out)
	require.Regexp(t, regexp.MustCompile(`QMSA-ASKED-\d+  license request [0-9a-f]{32} was taken by a license by accounting: is open again here`), out)
	require.Regexp(t, regexp.MustCompile(`QMSA-LATE-\d+  license .* was issued by accounting: is lost: issue it again`), out)
	require.Regexp(t, regexp.MustCompile(`entries confirmed by the archive, put back +51, 15\n`), out)
}
