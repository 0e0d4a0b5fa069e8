package histories_test

import (
	"fmt"
	"testing"

	"qmslicensing/shared/license"
	"qmslicensing/shared/license/licensetest"
)

// tally counts what the histories have lived.
type tally map[string]int

func (c tally) count(what string) { c[what]++ }

// add counts what came of an operation.
func (c tally) add(op string, refusal license.Code) {
	if refusal == "" {
		refusal = "done"
	}
	c[fmt.Sprint(op, ", ", refusal)]++
}

// died counts where a process died.
func (c tally) died(m *licensetest.Mortal) {
	when := "before"
	if m.After {
		when = "after"
	}
	c[fmt.Sprint("died ", when, " ", m.DiedAt())]++
}

func (c tally) requireAll(t *testing.T, histories int) {
	for k, v := range c {
		fmt.Println(v, "\t", k)
	}
}
