package gate

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// Call is one authorized request.
type Call struct {
	Function string // logical ID, or Operator
	Instance string // session token of its credentials: the runtime may tell a function's processes apart by it
	Action   string // of the operation, such as dynamodb:TransactWriteItems or kms:Sign
	Body     []byte
}

// Fault is what happens instead of, or with only Delay before, the request or its answer.
type Fault struct {
	Delay    time.Duration
	Kill     bool   // ends the calling process, then drops the connection
	Drop     bool   // the caller gets no answer
	Conflict bool   // TransactionConflict, which DynamoDB Local never throws
	Error    string // the name of the error that is answered
}

// Hooks decide faults in this process; nil means none. Before is asked when a request has been authorized, After when
// the upstream has done its work, with the status of its answer.
type Hooks struct {
	Before func(Call) *Fault
	After  func(Call, int) *Fault
}

// Arming is a fault that waits for its call, as the admin surface takes it.
type Arming struct {
	Function string `json:"function,omitempty"` // empty: any
	Action   string `json:"action"`
	Nth      int    `json:"nth,omitempty"`   // which matching call from now on it strikes first; 0 and 1: the next
	Times    int    `json:"times,omitempty"` // how many calls in a row it strikes; 0: one
	When     string `json:"when"`            // before or after the upstream has done it
	Do       string `json:"do"`              // error:<name>, transaction-conflict, drop, kill or delay:<duration>
	Seen     int    `json:"seen"`            // matching calls so far
	Struck   int    `json:"struck"`          // of these
	fault    Fault
}

type faults struct {
	hooks Hooks
	kill  func(function, instance string)
	mu    sync.Mutex
	armed []*Arming
}

// Arm lets a fault wait for its call.
func (g *Gate) Arm(a Arming) error {
	kind, argument, _ := strings.Cut(a.Do, ":")
	switch {
	case kind == "error" && argument != "":
		a.fault.Error = argument
	case a.Do == "transaction-conflict" && a.When == "before":
		a.fault.Conflict = true
	case a.Do == "drop":
		a.fault.Drop = true
	case a.Do == "kill" && g.faults.kill == nil:
		return fmt.Errorf("nothing here can kill a function")
	case a.Do == "kill":
		a.fault.Kill = true
	case kind == "delay":
		delay, err := time.ParseDuration(argument)
		if err != nil {
			return fmt.Errorf("do %q: %w", a.Do, err)
		}
		a.fault.Delay = delay
	default:
		return fmt.Errorf("do %q is none of error:<name>, transaction-conflict (before), drop, kill, delay:<duration>", a.Do)
	}
	if a.When != "before" && a.When != "after" {
		return fmt.Errorf("when %q is neither before nor after", a.When)
	}
	if service, _, _ := strings.Cut(a.Action, ":"); !slices.Contains([]string{"dynamodb", "kms", "s3"}, service) {
		return fmt.Errorf("action %q is none of dynamodb:…, kms:… and s3:…", a.Action)
	}
	a.Nth, a.Times, a.Seen, a.Struck = max(a.Nth, 1), max(a.Times, 1), 0, 0
	g.faults.mu.Lock()
	defer g.faults.mu.Unlock()
	g.faults.armed = append(g.faults.armed, &a)
	return nil
}

// Armed tells of every fault and how often it has struck.
func (g *Gate) Armed() []Arming {
	g.faults.mu.Lock()
	defer g.faults.mu.Unlock()
	list := []Arming{}
	for _, a := range g.faults.armed {
		list = append(list, *a)
	}
	return list
}

// Disarm forgets every fault.
func (g *Gate) Disarm() {
	g.faults.mu.Lock()
	defer g.faults.mu.Unlock()
	g.faults.armed = nil
}

func (f *faults) before(call Call) *Fault {
	if f.hooks.Before != nil {
		if fault := f.hooks.Before(call); fault != nil {
			return fault
		}
	}
	return f.strike(call, "before")
}

func (f *faults) after(call Call, status int) *Fault {
	if f.hooks.After != nil {
		if fault := f.hooks.After(call, status); fault != nil {
			return fault
		}
	}
	return f.strike(call, "after")
}

// strike counts the call on every fault that waits for it and gives the first that is due.
func (f *faults) strike(call Call, when string) *Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	var due *Fault
	for _, a := range f.armed {
		if a.When != when || a.Action != call.Action || a.Function != "" && a.Function != call.Function {
			continue
		}
		a.Seen++
		if due == nil && a.Seen >= a.Nth && a.Struck < a.Times {
			a.Struck++
			due = &a.fault
		}
	}
	return due
}

// inject carries a fault out and reports whether the caller has been dealt with.
func (g *Gate) inject(w http.ResponseWriter, r *http.Request, s service, call Call, fault Fault) bool {
	if fault.Delay > 0 {
		select {
		case <-time.After(fault.Delay):
		case <-r.Context().Done():
		}
	}
	if fault.Kill && g.faults.kill != nil {
		g.faults.kill(call.Function, call.Instance)
	}
	switch {
	case fault.Kill || fault.Drop:
		panic(http.ErrAbortHandler) // the server closes the connection without a word
	case fault.Conflict:
		s.refuse(w, conflict(call))
	case fault.Error != "":
		s.refuse(w, failure{name: fault.Error, message: "injected"})
	default:
		return false
	}
	return true
}

// conflict is what DynamoDB answers while another transaction holds an item: for a transaction, the first of its items.
func conflict(call Call) failure {
	const message = "Transaction is ongoing for the item"
	var transaction struct{ TransactItems []json.RawMessage }
	_ = json.Unmarshal(call.Body, &transaction) // it was read once already, to authorize it
	if len(transaction.TransactItems) == 0 {
		return failure{name: "TransactionConflictException", message: message}
	}
	codes := slices.Repeat([]string{"None"}, len(transaction.TransactItems))
	codes[0] = "TransactionConflict"
	reasons := make([]map[string]string, len(codes))
	for i, code := range codes {
		reasons[i] = map[string]string{"Code": code}
	}
	reasons[0]["Message"] = message
	return failure{
		name: "TransactionCanceledException",
		message: fmt.Sprintf("Transaction cancelled, please refer cancellation reasons for specific reasons [%s]",
			strings.Join(codes, ", ")),
		members: map[string]any{"CancellationReasons": reasons},
	}
}
