package stack

import (
	"fmt"
	"os"
	"path/filepath"

	"qmslicensing/infra/local/grants"
	"qmslicensing/infra/local/kms"
	"qmslicensing/infra/local/template"
)

// AddKey makes a KMS key with the purpose and the policy of one of the template's keys, as a deployment does whose
// template has gained such a key. It is a standby of that logical ID; nothing signs with it until the key table says so.
func (s *Stack) AddKey(like, logicalID string) (template.Key, error) {
	for _, key := range s.Application.Keys {
		if key.LogicalID != like {
			continue
		}
		id := kms.NewID()
		key.LogicalID, key.State, key.Aliases, key.ARN = logicalID, "standby", nil, s.KMS.ARN(id)
		if err := s.KMS.EnsureKey(id, map[string]string{"purpose": key.Purpose, "state": key.State}); err != nil {
			return template.Key{}, fmt.Errorf("making key %s: %w", logicalID, err)
		}
		return key, s.Gate.AddKey(key)
	}
	return template.Key{}, fmt.Errorf("the template has no key %s", like)
}

// writeUsed writes what was used of the template's grants into the folder named by grants.DirVariable. A stack that ran
// another template, or a changed one, says nothing of this one.
func (s *Stack) writeUsed() {
	dir := os.Getenv(grants.DirVariable)
	own := filepath.Clean(s.config.Template) == filepath.Join(s.config.Root, "template.yaml") && s.config.Change == nil
	if dir == "" || !own || s.Gate == nil {
		return
	}
	if err := s.Gate.Book().Write(dir); err != nil { // then the grants that only this stack used are named as unused
		fmt.Fprintln(os.Stderr, err)
	}
}
