package template

import (
	"fmt"
	"maps"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// object reads a resolved mapping member by member. It keeps the first failure, with the path of the member, so that a
// reader asks for what it wants and looks at the error once.
type object struct {
	members map[string]any
	path    string
	err     *error
}

// object resolves a mapping and refuses a member that is not among names.
func (l *loader) object(node *yaml.Node, path string, names ...string) (object, error) {
	value, err := l.resolve(node, path)
	if err != nil {
		return object{}, err
	}
	o := object{path: path, err: new(error)}
	o = o.at("", value, names...)
	return o, *o.err
}

// at reads value, found at path below o, as a mapping. Without names any member may stand there.
func (o object) at(path string, value any, names ...string) object {
	o.path = strings.TrimSuffix(o.path+"."+path, ".")
	members, ok := value.(map[string]any)
	if !ok && value != nil {
		o.fail("", "a mapping is wanted")
	}
	if len(names) > 0 {
		if err := known(members, o.path, names...); err != nil && *o.err == nil {
			*o.err = err
		}
	}
	o.members = maps.Clone(members)
	return o
}

func (o object) fail(member, format string, arguments ...any) {
	if *o.err == nil {
		*o.err = fmt.Errorf("%s: %s", strings.TrimSuffix(o.path+"."+member, "."), fmt.Sprintf(format, arguments...))
	}
}

func (o object) has(member string) bool {
	_, ok := o.members[member]
	return ok
}

func (o object) child(member string, names ...string) object {
	return o.at(member, o.members[member], names...)
}

// text gives a member that must be there, as text.
func (o object) text(member string) string {
	switch value := o.members[member].(type) {
	case string:
		return value
	case nil:
		o.fail(member, "is missing")
	default:
		o.fail(member, "a text is wanted, not %v", value)
	}
	return ""
}

// integer gives a member that must be there, as a number. A parameter hands its number over as text.
func (o object) integer(member string) int {
	value, err := strconv.Atoi(fmt.Sprint(o.members[member]))
	if err != nil {
		o.fail(member, "a number is wanted")
	}
	return value
}

// flag gives a member that is true or false; false when it is not there.
func (o object) flag(member string) bool {
	value, ok := o.members[member].(bool)
	if !ok && o.has(member) {
		o.fail(member, "true or false is wanted")
	}
	return value
}

func (o object) list(member string) []any {
	value, ok := o.members[member].([]any)
	if !ok && o.has(member) {
		o.fail(member, "a list is wanted")
	}
	return value
}

// texts gives a member that is one text or a list of texts, as policies write them; nil when it is not there.
func (o object) texts(member string) []string {
	if !o.has(member) {
		return nil
	}
	values, ok := o.members[member].([]any)
	if !ok {
		return []string{o.text(member)}
	}
	texts := make([]string, len(values))
	for i, value := range values {
		if texts[i], ok = value.(string); !ok {
			o.fail(member, "a text is wanted, not %v", value)
		}
	}
	return texts
}
