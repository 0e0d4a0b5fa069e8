package stack

import (
	"encoding/json"
	"net/http"
)

// admin lets tests in other processes arm faults, disable keys, kill functions and run schedules:
//
//	/gate/…                         see gate.Gate.Admin
//	/kms/…                          see kms.Server.Admin
//	POST /functions/{id}/kill       kills every process of a function (its logical id)
//	POST /schedules/{id}/run        runs a function's schedule now and waits for its end
func (s *Stack) admin() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/gate/", http.StripPrefix("/gate", s.Gate.Admin()))
	mux.Handle("/kms/", http.StripPrefix("/kms", s.KMS.Admin()))
	mux.HandleFunc("POST /functions/{id}/kill", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]int{"killed": s.Functions.Kill(r.PathValue("id"), "")})
	})
	mux.HandleFunc("POST /schedules/{id}/run", func(w http.ResponseWriter, r *http.Request) {
		if err := s.RunSchedule(r.Context(), r.PathValue("id")); err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	})
	return mux
}
