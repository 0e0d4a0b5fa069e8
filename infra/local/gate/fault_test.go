package gate_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/stretchr/testify/require"

	"qmslicensing/infra/local/gate"
	"qmslicensing/infra/local/grants"
)

func get(t *testing.T, r *rig, function string) error {
	t.Helper()
	_, err := r.as(function).GetItem(t.Context(), &dynamodb.GetItemInput{TableName: aws.String("LicenseTable"), Key: key("a")})
	return err
}

func TestFaults_NthCallFails(t *testing.T) {
	r := newRig(t, application(t), gate.Options{})
	require.NoError(t, r.gate.Arm(gate.Arming{Function: "ShowFunction", Action: "dynamodb:GetItem", Nth: 2, Times: 2, When: "before", Do: "error:InternalServerError"}))
	require.NoError(t, get(t, r, "ShowFunction"))
	require.NoError(t, get(t, r, "RetrieveFunction"), "another function is not counted")
	var internal *types.InternalServerError
	require.ErrorAs(t, get(t, r, "ShowFunction"), &internal)
	require.ErrorAs(t, get(t, r, "ShowFunction"), &internal)
	require.NoError(t, get(t, r, "ShowFunction"))
	require.Len(t, r.reached, 3)
	require.Equal(t, 4, r.gate.Armed()[0].Seen)
	require.Equal(t, 2, r.gate.Armed()[0].Struck)
}

func TestFaults_DropBeforeAndAfter(t *testing.T) {
	for when, reached := range map[string]int{"before": 0, "after": 1} {
		t.Run(when, func(t *testing.T) {
			r := newRig(t, application(t), gate.Options{})
			require.NoError(t, r.gate.Arm(gate.Arming{Action: "dynamodb:GetItem", When: when, Do: "drop"}))
			require.Error(t, get(t, r, "ShowFunction"))
			require.Len(t, r.reached, reached)
			require.NoError(t, get(t, r, "ShowFunction"))
		})
	}
}

func TestFaults_KillNamesFunctionAndInstanceOnceTheWorkIsDone(t *testing.T) {
	var killed []string
	var mu sync.Mutex
	r := newRig(t, application(t), gate.Options{Kill: func(function, instance string) {
		mu.Lock()
		defer mu.Unlock()
		killed = append(killed, function+" "+instance)
	}})
	require.NoError(t, r.gate.Arm(gate.Arming{Action: "dynamodb:GetItem", When: "after", Do: "kill"}))
	require.Error(t, get(t, r, "ShowFunction"))
	require.Len(t, r.reached, 1)
	mu.Lock()
	defer mu.Unlock()
	require.Equal(t, []string{"ShowFunction instance-7"}, killed)
}

func TestFaults_DelayHoldsTheAnswer(t *testing.T) {
	r := newRig(t, application(t), gate.Options{})
	require.NoError(t, r.gate.Arm(gate.Arming{Action: "dynamodb:GetItem", When: "after", Do: "delay:50ms"}))
	started := time.Now()
	require.NoError(t, get(t, r, "ShowFunction"))
	require.GreaterOrEqual(t, time.Since(started), 50*time.Millisecond)
}

func TestFaults_TransactionConflictAsDynamoDBThrowsIt(t *testing.T) {
	r := newRig(t, application(t), gate.Options{})
	require.NoError(t, r.gate.Arm(gate.Arming{Action: "dynamodb:TransactWriteItems", When: "before", Do: "transaction-conflict"}))
	require.NoError(t, r.gate.Arm(gate.Arming{Action: "dynamodb:PutItem", When: "before", Do: "transaction-conflict"}))
	put := &types.Put{TableName: aws.String("LicenseTable"), Item: key("a")}
	_, err := r.as("IssueFunction").TransactWriteItems(t.Context(), &dynamodb.TransactWriteItemsInput{
		TransactItems: []types.TransactWriteItem{{Put: put}, {Put: put}},
	})
	var canceled *types.TransactionCanceledException
	require.ErrorAs(t, err, &canceled)
	require.Len(t, canceled.CancellationReasons, 2)
	require.Equal(t, "TransactionConflict", aws.ToString(canceled.CancellationReasons[0].Code))
	require.Equal(t, "None", aws.ToString(canceled.CancellationReasons[1].Code))
	require.Equal(t, "Transaction cancelled, please refer cancellation reasons for specific reasons [TransactionConflict, None]", canceled.ErrorMessage())

	_, err = r.as("IssueFunction").PutItem(t.Context(), &dynamodb.PutItemInput{TableName: put.TableName, Item: put.Item})
	var single *types.TransactionConflictException
	require.ErrorAs(t, err, &single)
	require.Empty(t, r.reached)
}

func TestFaults_DeniedCallsAreNotCounted(t *testing.T) {
	r := newRig(t, application(t), gate.Options{})
	require.NoError(t, r.gate.Arm(gate.Arming{Action: "dynamodb:GetItem", When: "before", Do: "drop"}))
	requireCode(t, get(t, r, "KeysFunction"), "AccessDeniedException")
	require.Zero(t, r.gate.Armed()[0].Seen)
}

func TestHooks_SeeTheCallAndDecide(t *testing.T) {
	var calls []gate.Call
	var statuses []int
	r := newRig(t, application(t), gate.Options{Hooks: gate.Hooks{
		Before: func(call gate.Call) *gate.Fault {
			calls = append(calls, call)
			if len(calls) == 2 {
				return &gate.Fault{Error: "ProvisionedThroughputExceededException"}
			}
			return nil
		},
		After: func(_ gate.Call, status int) *gate.Fault {
			statuses = append(statuses, status)
			return nil
		},
	}})
	require.NoError(t, get(t, r, "ShowFunction"))
	requireCode(t, get(t, r, "ShowFunction"), "ProvisionedThroughputExceededException")
	require.Equal(t, []int{http.StatusOK}, statuses)
	require.Equal(t, "ShowFunction", calls[0].Function)
	require.Equal(t, "instance-7", calls[0].Instance)
	require.Equal(t, "dynamodb:GetItem", calls[0].Action)
	require.Contains(t, string(calls[0].Body), `"TableName":"LicenseTable"`)
}

func TestAdmin_ArmsListsDisarmsAndShowsUse(t *testing.T) {
	r := newRig(t, application(t), gate.Options{})
	admin := httptest.NewServer(r.gate.Admin())
	t.Cleanup(admin.Close)
	call := func(method, path, body string, into any) int {
		request, err := http.NewRequestWithContext(t.Context(), method, admin.URL+path, strings.NewReader(body))
		require.NoError(t, err)
		response, err := http.DefaultClient.Do(request)
		require.NoError(t, err)
		defer response.Body.Close()
		if into != nil {
			require.NoError(t, json.NewDecoder(response.Body).Decode(into))
		}
		return response.StatusCode
	}
	require.Equal(t, http.StatusNoContent, call("POST", "/faults", `{"function":"ShowFunction","action":"dynamodb:GetItem","nth":1,"when":"before","do":"error:ThrottlingException"}`, nil))
	requireCode(t, get(t, r, "ShowFunction"), "ThrottlingException")
	var armed []gate.Arming
	require.Equal(t, http.StatusOK, call("GET", "/faults", "", &armed))
	require.Equal(t, []gate.Arming{{Function: "ShowFunction", Action: "dynamodb:GetItem", Nth: 1, Times: 1, When: "before", Do: "error:ThrottlingException", Seen: 1, Struck: 1}}, armed)
	require.Equal(t, http.StatusNoContent, call("DELETE", "/faults", "", nil))
	require.Empty(t, r.gate.Armed())
	var used []gate.Counted
	require.Equal(t, http.StatusOK, call("GET", "/used", "", &used))
	require.Equal(t, []gate.Counted{{Grant: grants.Grant{Function: "ShowFunction", Policy: grants.Identity, Sid: "ReadLicense", Action: "dynamodb:GetItem"}, Count: 1}}, used)

	for _, body := range []string{
		`{"action":"dynamodb:GetItem","when":"before","do":"explode"}`,
		`{"action":"dynamodb:GetItem","when":"later","do":"drop"}`,
		`{"action":"GetItem","when":"before","do":"drop"}`,
		`{"action":"dynamodb:GetItem","when":"before","do":"delay:soon"}`,
		`{"action":"dynamodb:GetItem","when":"after","do":"transaction-conflict"}`,
		`{"action":"dynamodb:GetItem","when":"before","do":"kill"}`,
		`{"action":"dynamodb:GetItem","when":"before","do":"drop","often":true}`,
	} {
		require.Equal(t, http.StatusBadRequest, call("POST", "/faults", body, nil), body)
	}
}
