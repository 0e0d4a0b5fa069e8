package rehearsal

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
)

// Processed is a template as CloudFormation executes it: after the transform, before references are resolved.
type Processed struct {
	Resources map[string]struct {
		Type       string
		Condition  string
		Properties map[string]json.RawMessage
	}
}

// body is the part of an OpenAPI document that SAM writes and API Gateway reads.
type body struct {
	Paths map[string]map[string]struct {
		Integration struct {
			URI json.RawMessage `json:"uri"`
		} `json:"x-amazon-apigateway-integration"`
		Security []map[string][]string `json:"security"`
	} `json:"paths"`
}

// Route is one route of an API, as the template says it.
type Route struct {
	Key      string // such as GET /v1/licenses
	Function string // logical id
	Scopes   []string
	Token    bool // whether it demands one
}

var invoked = regexp.MustCompile(`\$\{(\w+)\.Arn\}/invocations`)

// RoutesOf reads the routes from an API's Body.
func RoutesOf(raw json.RawMessage) ([]Route, error) {
	var b body
	if err := json.Unmarshal(raw, &b); err != nil {
		return nil, fmt.Errorf("reading the API's Body: %w", err)
	}
	var routes []Route
	for path, methods := range b.Paths {
		for method, operation := range methods {
			r := Route{Key: strings.ToUpper(method) + " " + path}
			function := invoked.FindSubmatch(operation.Integration.URI)
			if function == nil {
				return nil, fmt.Errorf("route %s names no function: %s", r.Key, operation.Integration.URI)
			}
			r.Function = string(function[1])
			for _, security := range operation.Security {
				for name, scopes := range security {
					r.Token = r.Token || name != "NONE"
					r.Scopes = append(r.Scopes, scopes...)
				}
			}
			routes = append(routes, r)
		}
	}
	return routes, nil
}

// addRoutes makes the routes of a stack's API that has none, and returns how many.
func (r *rehearsal) addRoutes(ctx context.Context, stackName string) (int, error) {
	client := cloudformation.NewFromConfig(r.emulator.config())
	template, err := read(ctx, client, stackName)
	if err != nil {
		return 0, err
	}
	added := 0
	for logical, resource := range template.Resources {
		if resource.Type != "AWS::ApiGatewayV2::Api" || resource.Properties["Body"] == nil {
			continue
		}
		routes, err := RoutesOf(resource.Properties["Body"])
		if err != nil {
			return added, err
		}
		api, err := physical(ctx, client, stackName, logical)
		if err != nil {
			return added, err
		}
		var there struct{ Items []json.RawMessage }
		if err := r.api(ctx, "GET", api+"/routes", nil, &there); err != nil {
			return added, err
		}
		if len(there.Items) > 0 {
			continue
		}
		if err := r.fillAPI(ctx, client, stackName, api, routes); err != nil {
			return added, err
		}
		added += len(routes)
	}
	return added, nil
}

func (r *rehearsal) fillAPI(ctx context.Context, client *cloudformation.Client, stackName, api string, routes []Route) error {
	s, err := r.parts.Stack(ctx, r.emulator.region, stackName)
	if err != nil {
		return err
	}
	var authorizer struct{ AuthorizerID string }
	err = r.api(ctx, "POST", api+"/authorizers", map[string]any{
		"name": "StaffToken", "authorizerType": "JWT", "identitySource": []string{"$request.header.Authorization"},
		"jwtConfiguration": map[string]any{"issuer": s.Outputs["TokenIssuer"], "audience": []string{s.Outputs["ConsoleClientId"]}},
	}, &authorizer)
	if err != nil {
		return err
	}
	for _, route := range routes {
		function, err := physical(ctx, client, stackName, route.Function)
		if err != nil {
			return err
		}
		var integration struct{ IntegrationID string }
		err = r.api(ctx, "POST", api+"/integrations", map[string]any{
			"integrationType": "AWS_PROXY", "payloadFormatVersion": "2.0", "integrationMethod": "POST",
			"integrationUri": "arn:aws:lambda:" + r.emulator.region + ":000000000000:function:" + function,
		}, &integration)
		if err != nil {
			return err
		}
		made := map[string]any{"routeKey": route.Key, "target": "integrations/" + integration.IntegrationID, "authorizationType": "NONE"}
		if route.Token {
			made["authorizationType"], made["authorizerId"], made["authorizationScopes"] = "JWT", authorizer.AuthorizerID, route.Scopes
		}
		if err := r.api(ctx, "POST", api+"/routes", made, nil); err != nil {
			return err
		}
	}
	return nil
}

func (r *rehearsal) api(ctx context.Context, method, path string, body, into any) error {
	return r.emulator.call(ctx, r.emulator.region, "apigateway", method, "/v2/apis/"+path, "", body, into)
}

func read(ctx context.Context, client *cloudformation.Client, stackName string) (Processed, error) {
	out, err := client.GetTemplate(ctx, &cloudformation.GetTemplateInput{StackName: &stackName, TemplateStage: types.TemplateStageProcessed})
	if err != nil {
		return Processed{}, fmt.Errorf("reading the template of stack %s: %w", stackName, err)
	}
	return Parse(aws.ToString(out.TemplateBody))
}

func physical(ctx context.Context, client *cloudformation.Client, stackName, logical string) (string, error) {
	out, err := client.DescribeStackResource(ctx, &cloudformation.DescribeStackResourceInput{StackName: &stackName, LogicalResourceId: &logical})
	if err != nil {
		return "", fmt.Errorf("looking for %s in stack %s: %w", logical, stackName, err)
	}
	return aws.ToString(out.StackResourceDetail.PhysicalResourceId), nil
}
