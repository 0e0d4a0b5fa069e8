package grants_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"qmslicensing/infra/local/grants"
	"qmslicensing/infra/local/template"
)

func application(t *testing.T) *template.Application {
	t.Helper()
	app, err := template.Load("../../../template.yaml", map[string]string{"TokenIssuer": "http://localhost", "TokenAudience": "console", "KmsEndpoint": "http://localhost"})
	require.NoError(t, err)
	return app
}

// soldKey finds a key by its state: names say how the first keys began, and rotations change the rest.
func soldKey(t *testing.T, app *template.Application, state string) *template.Key {
	t.Helper()
	at := slices.IndexFunc(app.Keys, func(k template.Key) bool { return k.Purpose == "sold" && k.State == state })
	require.GreaterOrEqual(t, at, 0, state)
	return &app.Keys[at]
}

func TestOf_EveryActionOfFunctionsAndTheirPartOfKeyPolicies(t *testing.T) {
	app := application(t)
	granted, err := grants.Of(app)
	require.NoError(t, err)
	require.Contains(t, granted, grants.Grant{Function: "ShowFunction", Policy: "identity", Sid: "ReadLicense", Action: "dynamodb:GetItem"})
	require.Contains(t, granted, grants.Grant{Function: "IssueFunction", Policy: "identity", Sid: "NeverWriteKeyTable", Action: "dynamodb:UpdateItem"})
	require.Contains(t, granted, grants.Grant{Function: "SweepFunction", Policy: soldKey(t, app, "standby").LogicalID, Sid: "SignSoldLicenses", Action: "kms:Sign"})
	for _, g := range granted {
		require.NotEqual(t, "Administer", g.Sid, "that is the operator's")
	}
}

func TestOf_WhatARetiredKeyMaySignNeedsNoTest(t *testing.T) {
	app := application(t)
	retired := soldKey(t, app, "signing")
	id := retired.LogicalID
	retired.State = "retired"
	before, err := grants.Of(application(t))
	require.NoError(t, err)
	after, err := grants.Of(app)
	require.NoError(t, err)
	ofTheKey := func(g grants.Grant) bool { return g.Policy == id }
	require.True(t, slices.ContainsFunc(before, ofTheKey))
	require.Equal(t, slices.DeleteFunc(before, ofTheKey), after, "and nothing else is left out")

	book := &grants.Book{}
	for _, g := range after {
		book.Used(g)
	}
	book.Used(grants.Grant{Function: "SweepFunction", Policy: id, Sid: "SignSoldLicenses", Action: "kms:Sign"})
	require.NoError(t, grants.Check(after, book, nil).Err(), "the sweep may still sign with it what was pending")
}

func TestOf_AKeyPolicyThatNamesAStrangerIsRefused(t *testing.T) {
	app := application(t)
	app.Keys[0].Policy[0].Principals = append(app.Keys[0].Policy[0].Principals, "arn:aws:iam::000000000000:role/Forgotten")
	_, err := grants.Of(app)
	require.ErrorContains(t, err, "role/Forgotten, who is neither a function nor the account")
}

var (
	read  = grants.Grant{Function: "IssueFunction", Policy: "identity", Sid: "ReadWriteLicenses", Action: "dynamodb:GetItem"}
	write = grants.Grant{Function: "IssueFunction", Policy: "identity", Sid: "ReadWriteLicenses", Action: "dynamodb:PutItem"}
	sign  = grants.Grant{Function: "IssueFunction", Policy: "SoldStandbyKey", Sid: "SignSoldLicenses", Action: "kms:Sign"}
)

func TestBook_IsJoinedFromTheFilesOfManyStacks(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "used")
	denial := grants.Denial{Function: "ShowFunction", Action: "dynamodb:PutItem", Resource: "arn", Reason: "because"}
	var all sync.WaitGroup
	for n := range 20 {
		all.Go(func() {
			book := &grants.Book{}
			book.Used([]grants.Grant{read, write}[n%2])
			book.Refused(denial)
			if err := book.Write(dir); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	files, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, files, 20, "each has a name of its own and nothing half written stays")
	book, err := grants.Read(dir)
	require.NoError(t, err)
	require.Equal(t, map[grants.Grant]int{read: 10, write: 10}, book.Uses())
	require.Equal(t, []grants.Denial{denial}, book.Denials())
}

func TestRead_AnEmptyMissingOrDamagedFolderIsNoPass(t *testing.T) {
	dir := t.TempDir()
	for _, folder := range []string{dir, filepath.Join(dir, "none")} {
		_, err := grants.Read(folder)
		require.ErrorContains(t, err, "no stack has written what it used into "+folder)
	}
	require.NoError(t, os.WriteFile(filepath.Join(dir, "used-1.json"), []byte(`{"used":`), 0o600))
	_, err := grants.Read(dir)
	require.ErrorContains(t, err, "used-1.json")
}

func TestCheck_NamesWhatWasNeverUsed(t *testing.T) {
	book := &grants.Book{}
	book.Used(read)
	report := grants.Check([]grants.Grant{read, write, sign}, book, nil)
	require.Equal(t, []grants.Grant{write, sign}, report.Unused, "an unused action of a used statement too")
	require.EqualError(t, report.Err(), `2 of 3 grants were never used in this test run:
  function IssueFunction, statement ReadWriteLicenses, action dynamodb:PutItem
  function IssueFunction, key SoldStandbyKey, statement SignSoldLicenses, action kms:Sign
Take each out of template.yaml, or write the test that uses it, or list it with its reason in infra/local/grants/unused.txt.`)
	book.Used(write)
	book.Used(sign)
	require.NoError(t, grants.Check([]grants.Grant{read, write, sign}, book, nil).Err())
}

func TestCheck_ARunningFunctionThatWasRefusedFailsTheRun(t *testing.T) {
	book := &grants.Book{}
	book.Refused(grants.Denial{Function: "IssueFunction", Action: "dynamodb:PutItem", Resource: "arn:table/AuditTable", Reason: "because no policy"})
	require.ErrorContains(t, grants.Check(nil, book, nil).Err(), "IssueFunction was refused dynamodb:PutItem on arn:table/AuditTable, because no policy")
}

func TestAllowList_EachLineNeedsAReasonAndAGrantThatIsUnused(t *testing.T) {
	const line = "IssueFunction identity ReadWriteLicenses dynamodb:GetItem"
	rows := []struct{ name, text, want string }{
		{"it stays unused", "# a comment\n\n" + line + "  # DynamoDB Local cannot throttle\n", ""},
		{"no reason", line + "\n", "line 1: " + line + " stands there without a reason"},
		{"an empty reason", line + " # \n", "stands there without a reason"},
		{"not a grant", "IssueFunction ReadWriteLicenses # why\n", "is not: Function Policy Sid action  # reason"},
		{"a grant that is used", "IssueFunction identity ReadWriteLicenses dynamodb:PutItem # why\n", "line 1: IssueFunction identity ReadWriteLicenses dynamodb:PutItem was used: remove the line"},
		{"a grant that is gone", "GoneFunction identity Read dynamodb:GetItem # why\n", "line 1: template.yaml no longer grants GoneFunction identity Read dynamodb:GetItem"},
		{"twice", strings.Repeat(line+" # why\n", 2), "line 2: " + line + " stands there twice"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "unused.txt")
			require.NoError(t, os.WriteFile(file, []byte(row.text), 0o600))
			book := &grants.Book{}
			book.Used(write)
			allowed, err := grants.ReadAllowances(file)
			if err == nil {
				err = grants.Check([]grants.Grant{read, write}, book, allowed).Err()
			}
			if row.want == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, row.want)
		})
	}
	_, err := grants.ReadAllowances(filepath.Join(t.TempDir(), "none"))
	require.ErrorContains(t, err, "allow list")
}
