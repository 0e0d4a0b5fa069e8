package rehearsal_test

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"qmslicensing/infra/deploy/rehearsal"
)

func TestRoutesOf_WhatSAMWrites(t *testing.T) {
	const integration = `"x-amazon-apigateway-integration":{"type":"aws_proxy","uri":{"Fn::Sub":"arn:${AWS::Partition}:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/${NAME.Arn}/invocations"}}`
	with := func(name string) string { return strings.Replace(integration, "NAME", name, 1) }
	routes, err := rehearsal.RoutesOf(json.RawMessage(`{"paths":{
		"/v1/licenses":{"post":{` + with("IssueFunction") + `,"security":[{"StaffToken":["licensing/staff"]}]},"get":{` + with("SearchFunction") + `,"security":[{"StaffToken":["licensing/staff"]}]}},
		"/.well-known/jwks.json":{"get":{` + with("KeysFunction") + `,"security":[{"NONE":[]}]}},
		"/open":{"get":{` + with("KeysFunction") + `}}}}`))
	require.NoError(t, err)
	slices.SortFunc(routes, func(a, b rehearsal.Route) int { return cmp.Compare(a.Key, b.Key) })
	require.Equal(t, []rehearsal.Route{
		{Key: "GET /.well-known/jwks.json", Function: "KeysFunction"},
		{Key: "GET /open", Function: "KeysFunction"},
		{Key: "GET /v1/licenses", Function: "SearchFunction", Scopes: []string{"licensing/staff"}, Token: true},
		{Key: "POST /v1/licenses", Function: "IssueFunction", Scopes: []string{"licensing/staff"}, Token: true},
	}, routes)

	_, err = rehearsal.RoutesOf(json.RawMessage(`{"paths":{"/v1/licenses":{"get":{"x-amazon-apigateway-integration":{"uri":"https://elsewhere"}}}}}`))
	require.ErrorContains(t, err, "route GET /v1/licenses names no function")
	_, err = rehearsal.RoutesOf(json.RawMessage(`[]`))
	require.ErrorContains(t, err, "Body")
}

func TestHolds_WhatAServiceTells(t *testing.T) {
	var document any
	require.NoError(t, json.Unmarshal([]byte(`{"Table":{"Deletion":true,"Protected":false,"Name":"a","Empty":"",
		"Keys":[{"name":"k"}],"None":[],"Map":{"a":1},"Nothing":{},"Zero":0,"Null":null}}`), &document))
	for path, want := range map[string]bool{
		"Table.Deletion": true, "Table.Protected": false, "Table.Name": true, "Table.Name=a": true, "Table.Name=b": false, "Table.Empty": false,
		"Table.Keys": true, "Table.Keys.*.name": true, "Table.Keys.*.other": false, "Table.Keys.name": false, "Table.None": false, "Table.None.*.name": false,
		"Table.Map": true, "Table.Nothing": false, "Table.Zero": true, "Table.Null": false, "Table.Absent": false, "Absent.Name": false,
		"Table.Name.Deeper": false, "table.deletion": true,
	} {
		require.Equal(t, want, rehearsal.Holds(document, path), path)
	}
}

func TestWithoutTLS_TakesOutThatStatementAlone(t *testing.T) {
	const read = `{"Sid":"ReadByTheDistribution","Effect":"Allow","Action":"s3:GetObject","Condition":{"StringEquals":{"AWS:SourceArn":"arn"}}}`
	policy, sids, err := rehearsal.WithoutTLS(`{"Version":"2012-10-17","Statement":[` + read +
		`,{"Sid":"NeverWithoutTLS","Effect":"Deny","Condition":{"Bool":{"aws:SecureTransport":"false"}}}]}`)
	require.NoError(t, err)
	require.Equal(t, []string{"NeverWithoutTLS"}, sids)
	require.JSONEq(t, `{"Version":"2012-10-17","Statement":[`+read+`]}`, policy)
	_, _, err = rehearsal.WithoutTLS(`{"Version":"2012-10-17","Statement":[` + read + `]}`)
	require.ErrorContains(t, err, "that is not why")
	_, _, err = rehearsal.WithoutTLS("none")
	require.ErrorContains(t, err, "reading its policy")
}

func TestParse_TemplatesInYAMLWithShortForms(t *testing.T) {
	template, err := rehearsal.Parse("Resources:\n  Files:\n    Type: AWS::S3::Bucket\n    Condition: Wanted\n" +
		"    Properties:\n      BucketName: !Sub '${Stack}-files'\n      Tags: [!Ref Tag]\n")
	require.NoError(t, err)
	require.Equal(t, "AWS::S3::Bucket", template.Resources["Files"].Type)
	require.Equal(t, "Wanted", template.Resources["Files"].Condition)
	require.JSONEq(t, `"${Stack}-files"`, string(template.Resources["Files"].Properties["BucketName"]))
	template, err = rehearsal.Parse(`{"Resources":{"Api":{"Type":"AWS::ApiGatewayV2::Api","Properties":{"Body":{"paths":{}}}}}}`)
	require.NoError(t, err)
	require.JSONEq(t, `{"paths":{}}`, string(template.Resources["Api"].Properties["Body"]))
	for _, text := range []string{"\t: [", "Resources: 1"} {
		_, err := rehearsal.Parse(text)
		require.Error(t, err, text)
	}
}

const alarms = `Resources:
  Topic:
    Type: AWS::SNS::Topic
  Slow: # by metric math
    Type: AWS::CloudWatch::Alarm
    Properties: {Metrics: [{Id: m}], AlarmActions: [!Ref Topic]}
  Errors:
    Type: AWS::CloudWatch::Alarm
    Properties: {Metrics: [{Id: n}]}
  Pending:
    Type: AWS::CloudWatch::Alarm
    Properties: {MetricName: pending, AlarmActions: [!Ref Topic], AlarmDescription: !Sub "${Environment}: look"}
Outputs:
  Topic: {Value: !Ref Topic}
`

func TestTakeOut_WhatWasRefusedAndWhatWouldBe(t *testing.T) {
	rest, taken, err := rehearsal.TakeOut([]byte(alarms), "AWS::CloudWatch::Alarm", "Slow", "Metrics")
	require.NoError(t, err)
	require.Equal(t, []string{"Slow", "Errors"}, taken)
	template, err := rehearsal.Parse(string(rest))
	require.NoError(t, err)
	require.Len(t, template.Resources, 2)
	require.Contains(t, template.Resources, "Topic")
	require.Contains(t, template.Resources, "Pending")
	require.Contains(t, string(rest), "!Sub")
	require.Contains(t, string(rest), "[!Ref Topic]", "what CloudFormation reads stays as it was")

	_, taken, err = rehearsal.TakeOut([]byte(alarms), "AWS::CloudWatch::Alarm", "Slow", "")
	require.NoError(t, err)
	require.Equal(t, []string{"Slow"}, taken)
	_, taken, err = rehearsal.TakeOut([]byte(alarms), "AWS::SQS::Queue", "Slow", "Metrics")
	require.NoError(t, err)
	require.Empty(t, taken, "another type of that name is not it")
	for words, text := range map[string]string{"empty": "", "no Resources": "Outputs: {}", "reading a template: yaml": "\t: ["} {
		_, _, err = rehearsal.TakeOut([]byte(text), "AWS::SQS::Queue", "Queue", "")
		require.ErrorContains(t, err, words)
	}
}

func TestTemplateOf_AStack(t *testing.T) {
	root := []byte("Resources:\n  AlarmStack:\n    Type: AWS::CloudFormation::Stack\n    Properties: {TemplateURL: infra/stacks/alarms.yaml}\n")
	for name, want := range map[string]string{
		"qms": "template.yaml", "qms-firewall": "infra/stacks/firewall.yaml", "qms-AlarmStack-64bd2d23-580": "infra/stacks/alarms.yaml",
	} {
		got, err := rehearsal.TemplateOf(root, "qms", name)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	_, err := rehearsal.TemplateOf(root, "qms", "qms-Other-1")
	require.ErrorContains(t, err, "qms-Other-1 is not one that the template names")
}
