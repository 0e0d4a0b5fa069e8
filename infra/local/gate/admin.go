package gate

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"qmslicensing/infra/local/grants"
)

// Admin lets tests in other processes arm faults and see what was used:
//
//	POST   /faults  an Arming
//	GET    /faults  every Arming with what it has seen and struck
//	DELETE /faults  forget them
//	GET    /used    every grant that was used, with its count
//	GET    /denied  what running functions were refused
//
// It has no permissions: serve it on the machine's own address only.
func (g *Gate) Admin() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /faults", func(w http.ResponseWriter, r *http.Request) {
		var arming Arming
		decoder := json.NewDecoder(r.Body)
		decoder.DisallowUnknownFields()
		err := decoder.Decode(&arming)
		if err == nil {
			err = g.Arm(arming)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("GET /faults", func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, g.Armed()) })
	mux.HandleFunc("DELETE /faults", func(w http.ResponseWriter, _ *http.Request) {
		g.Disarm()
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("GET /used", func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, g.counted()) })
	mux.HandleFunc("GET /denied", func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, g.book.Denials()) })
	return mux
}

// Counted is a grant and how often it was used.
type Counted struct {
	grants.Grant
	Count int `json:"count"`
}

func (g *Gate) counted() []Counted {
	list := []Counted{}
	for grant, count := range g.book.Uses() {
		list = append(list, Counted{Grant: grant, Count: count})
	}
	slices.SortFunc(list, func(a, b Counted) int { return strings.Compare(a.String(), b.String()) })
	return list
}

func writeJSON(w http.ResponseWriter, value any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(value) // the caller has gone: nothing is left to tell it
}
