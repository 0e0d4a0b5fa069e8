package downgrade_test

import (
	"fmt"

	"qmslicensing/shared/license"
	"qmslicensing/shared/license/downgrade"
)

func ExampleCheck() {
	record := []license.Module{license.CallRecording}
	recordBoth := []license.Module{license.CallRecording, license.ComputerRecording}
	users := []downgrade.User{
		{Name: "Ana Ruiz", Role: downgrade.Supervisor, Modules: recordBoth, LastActiveOn: license.MakeDate(2026, 1, 2)},
		{Name: "Ibrahim Sesay", Role: downgrade.Agent, Modules: recordBoth, LastActiveOn: license.MakeDate(2026, 1, 14)},
		{Name: "Kenji Mori", Role: downgrade.Agent, Modules: record, LastActiveOn: license.MakeDate(2026, 3, 19)},
	}
	result, err := downgrade.Check(license.Seats{CallRecording: 2, ComputerRecording: 1}, users)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("loads:", result.Loads)
	for _, m := range license.AllModules() {
		count := result.Modules.Of(m)
		fmt.Printf("%s: %d licensed, %d assigned, %d too many\n", m.Name(), count.Licensed, count.Assigned, count.Excess)
	}
	for _, step := range result.Plan {
		fmt.Println(step.User, step.Unlicense, step.Reason)
	}
	// Output:
	// loads: false
	// Call Recording: 2 licensed, 3 assigned, 1 too many
	// Computer Recording: 1 licensed, 2 assigned, 1 too many
	// Agent Evaluation: 0 licensed, 0 assigned, 0 too many
	// Ibrahim Sesay [callRecording computerRecording] Inactive since 14 Jan 2026.
}
