package history

import (
	"encoding/json"
	"slices"

	"qmslicensing/shared/license"
)

// noChange are members of a license that every event changes, or that name it.
var noChange = []string{"id", "lineageId", "sequence", "version", "issuedOn", "issuedBy", "licenseKey", "supersedes", "supersededBy", "status"}

// changed returns the members of two licenses that differ, as they were and as they are. Without a license before there
// is nothing to compare: both nil.
func changed(before, after *license.License) (was, is members) {
	if before == nil || after == nil {
		return nil, nil
	}
	was, is = differ(membersOf(before), membersOf(after))
	for _, name := range noChange {
		if name == "status" && before.ID == after.ID {
			continue
		}
		delete(was, name)
		delete(is, name)
	}
	return orNil(was), orNil(is)
}

// members are some of an object's, by name.
type members map[string]json.RawMessage

func membersOf(v any) members {
	var m members
	text, err := json.Marshal(v)
	if err == nil {
		err = json.Unmarshal(text, &m)
	}
	if err != nil {
		return members{}
	}
	return m
}

// differ keeps what differs. A member that ends in sub is a person's identity and is for nobody to see.
func differ(before, after members) (was, is members) {
	was, is = members{}, members{}
	for _, m := range []members{before, after} {
		for name := range m {
			if string(before[name]) == string(after[name]) || slices.Contains([]string{"sub", "Sub"}, name[max(0, len(name)-3):]) {
				continue
			}
			was[name], is[name] = orNull(before[name]), orNull(after[name])
		}
	}
	return was, is
}

func orNull(v json.RawMessage) json.RawMessage {
	if v == nil {
		return json.RawMessage("null")
	}
	return v
}

func orNil(m members) members {
	if len(m) == 0 {
		return nil
	}
	return m
}
