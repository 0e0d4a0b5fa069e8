package license

import "fmt"

// MaxQuantity bounds every quantity and every sum of seats.
const MaxQuantity = 100_000

// Module is one of the three things a user can be licensed for.
type Module string

// The modules. A user of the second or third needs the first.
const (
	CallRecording     Module = "callRecording"
	ComputerRecording Module = "computerRecording"
	AgentEvaluation   Module = "agentEvaluation"
)

// AllModules lists the modules in the order of the License View.
func AllModules() []Module { return []Module{CallRecording, ComputerRecording, AgentEvaluation} }

// Name returns the module's name as QMS writes it.
func (m Module) Name() string {
	switch m {
	case CallRecording:
		return "Call Recording"
	case ComputerRecording:
		return "Computer Recording"
	case AgentEvaluation:
		return "Agent Evaluation"
	}
	return string(m)
}

// Modules is what was bought. One QMS Suite is one of each module; quantities combine.
type Modules struct {
	QMSSuite          int `json:"qmsSuite"`
	CallRecording     int `json:"callRecording"`
	ComputerRecording int `json:"computerRecording"`
	AgentEvaluation   int `json:"agentEvaluation"`
}

// Seats is what follows from Modules: how many users each module serves.
type Seats struct {
	CallRecording     int `json:"callRecording"`
	ComputerRecording int `json:"computerRecording"`
	AgentEvaluation   int `json:"agentEvaluation"`
}

// Of returns the seats of one module.
func (s Seats) Of(m Module) int {
	switch m {
	case CallRecording:
		return s.CallRecording
	case ComputerRecording:
		return s.ComputerRecording
	case AgentEvaluation:
		return s.AgentEvaluation
	}
	return 0
}

func (s Seats) String() string {
	return fmt.Sprintf("%d / %d / %d", s.CallRecording, s.ComputerRecording, s.AgentEvaluation)
}

// Covers reports whether s has at least the seats of o in every module.
func (s Seats) Covers(o Seats) bool {
	return s.CallRecording >= o.CallRecording && s.ComputerRecording >= o.ComputerRecording && s.AgentEvaluation >= o.AgentEvaluation
}

// Of returns the quantity bought of one module on its own, without QMS Suite.
func (m Modules) Of(module Module) int {
	return Seats{m.CallRecording, m.ComputerRecording, m.AgentEvaluation}.Of(module)
}

// Seats returns the sums, unchecked: 50 QMS Suite + 20 Call Recording = 70 / 50 / 50.
func (m Modules) Seats() Seats {
	return Seats{m.QMSSuite + m.CallRecording, m.QMSSuite + m.ComputerRecording, m.QMSSuite + m.AgentEvaluation}
}

// ModulesOf is the inverse of Seats for a license that says its seats and its QMS Suite quantity.
func ModulesOf(seats Seats, suite int) Modules {
	return Modules{suite, seats.CallRecording - suite, seats.ComputerRecording - suite, seats.AgentEvaluation - suite}
}

// Check applies the rules of quantities and prerequisites. A quantity or sum outside 0 to MaxQuantity is
// InvalidRequest; a missing prerequisite is ModuleDependency with params needed, have and add, whose Detail shows the
// sum and the fix. Pointers are below prefix, such as "/modules".
func (m Modules) Check(prefix string) error {
	if err := m.checkQuantities(prefix); err != nil {
		return err
	}
	seats := m.Seats()
	refusal := &Error{Code: ModuleDependency}
	needed := 0
	for _, module := range []Module{ComputerRecording, AgentEvaluation} {
		need := seats.Of(module)
		if need <= seats.CallRecording {
			continue
		}
		refusal.Detail = joinSentences(refusal.Detail, fmt.Sprintf("%d %s seats need %d Call Recording seats; this license has %s. Add %d.",
			need, module.Name(), need, m.callRecordingSum(), need-seats.CallRecording))
		refusal.Fields = append(refusal.Fields, FieldError{prefix + "/" + string(module), fmt.Sprintf("needs %d more Call Recording seats", need-seats.CallRecording)})
		needed = max(needed, need)
	}
	if needed == 0 && seats.CallRecording == 0 {
		needed = 1
		refusal.Detail = "A license needs at least 1 Call Recording seat; this one has 0. Add 1 Call Recording or 1 QMS Suite."
		refusal.Fields = []FieldError{{prefix + "/callRecording", refusal.Detail}}
	}
	if needed == 0 {
		return nil
	}
	return refusal.With("needed", needed).With("have", seats.CallRecording).With("add", needed-seats.CallRecording)
}

func (m Modules) checkQuantities(prefix string) error {
	refusal := &Error{Code: InvalidRequest}
	add := func(name, detail string) {
		refusal.Detail = joinSentences(refusal.Detail, detail)
		refusal.Fields = append(refusal.Fields, FieldError{prefix + "/" + name, detail})
	}
	outside := func(n int) bool { return n < 0 || n > MaxQuantity }
	if outside(m.QMSSuite) {
		add("qmsSuite", fmt.Sprintf("The quantity of QMS Suite must be 0 to 100,000; this is %d.", m.QMSSuite))
	}
	for _, module := range AllModules() {
		quantity, sum := m.Of(module), m.Seats().Of(module)
		switch {
		case outside(quantity):
			add(string(module), fmt.Sprintf("The quantity of %s must be 0 to 100,000; this is %d.", module.Name(), quantity))
		case !outside(m.QMSSuite) && outside(sum):
			add(string(module), fmt.Sprintf("%d QMS Suite + %d %s = %d seats; the most is 100,000.", m.QMSSuite, quantity, module.Name(), sum))
		}
	}
	if len(refusal.Fields) > 0 {
		return refusal
	}
	return nil
}

// callRecordingSum writes the seats of Call Recording as a sum: "20 + 5 from QMS Suite = 25", or "20" alone.
func (m Modules) callRecordingSum() string {
	if m.QMSSuite == 0 {
		return fmt.Sprintf("%d", m.CallRecording)
	}
	return fmt.Sprintf("%d + %d from QMS Suite = %d", m.CallRecording, m.QMSSuite, m.CallRecording+m.QMSSuite)
}

func joinSentences(a, b string) string {
	if a == "" {
		return b
	}
	return a + " " + b
}
