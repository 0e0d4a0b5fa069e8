package template

import (
	"maps"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// addReferences notes what resource id needs before it can be made, after SAM has expanded it: a function needs its
// role, its role needs what its policies name, and the API needs every function that it calls (its definition holds
// their ARNs). Both branches of an If count, as they do for CloudFormation.
func (l *loader) addReferences(id string, r resource, path string) error {
	if r.DependsOn != nil {
		l.needs(id, r.DependsOn.Value)
		for _, element := range r.DependsOn.Content {
			l.needs(id, element.Value)
		}
	}
	if r.Type != typeFunction {
		l.needs(id, identifiers(r.Properties)...)
		return nil
	}
	role := id + "Role"
	l.needs(id, role)
	l.needs(role)
	if l.globals != nil {
		l.needs(id, identifiers(l.globals)...)
	}
	members, err := fields(r.Properties, path)
	if err != nil {
		return err
	}
	for name, member := range members {
		switch name {
		case "Policies":
			l.needs(role, identifiers(member)...)
		case "Events": // an event names the API, but it is the API that waits for the function
			for _, other := range identifiers(member) {
				if l.resources[other].Type == typeAPI {
					l.needs(other, id)
				} else {
					l.needs(id, other)
				}
			}
		default:
			l.needs(id, identifiers(member)...)
		}
	}
	return nil
}

// needs records the references of id that are resources or the roles that SAM makes, each once, in order.
func (l *loader) needs(id string, others ...string) {
	set := map[string]bool{}
	for _, other := range slices.Concat(l.app.References[id], others) {
		function, isRole := strings.CutSuffix(other, "Role")
		if l.resources[other].Type != "" || isRole && l.resources[function].Type == typeFunction {
			set[other] = true
		}
	}
	l.app.References[id] = slices.Sorted(maps.Keys(set))
}

// identifiers lists every logical ID that node names in a Ref, GetAtt or Sub.
func identifiers(node *yaml.Node) []string {
	var found []string
	if name, argument, ok := intrinsic(node); ok {
		switch name {
		case "Ref":
			return []string{argument.Value}
		case "GetAtt":
			id, _, err := attributeOf(argument, "")
			if err != nil {
				return nil // resolve says so
			}
			return []string{id}
		case "Sub":
			for _, match := range placeholder.FindAllStringSubmatch(argument.Value, -1) {
				id, _, _ := strings.Cut(strings.TrimSpace(match[1]), ".")
				found = append(found, id)
			}
			return found
		}
	}
	for _, child := range node.Content {
		found = append(found, identifiers(child)...)
	}
	return found
}
