// Package metrics plays the one call of CloudWatch that this system makes: how often KMS was used. Its wire format is the
// SDK's for CloudWatch, Smithy RPC v2 with CBOR.
package metrics

import (
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/aws/smithy-go/encoding/cbor"
)

// Path is where the operation is called.
const Path = "/service/GraniteServiceVersion20100801/operation/GetMetricData"

// maxBody bounds a request.
const maxBody = 64 << 10

// Server answers GetMetricData for the usage of KMS. Count tells the calls from one instant until before another.
type Server struct {
	Count func(from, to time.Time) int
}

// usage is the metric that it knows, by the names of its dimensions and what else says which one it is.
var usage = map[string]string{
	"Namespace": "AWS/Usage", "MetricName": "CallCount", "Stat": "Sum",
	"Service": "KMS", "Type": "API", "Resource": "CryptographicOperationsEcc", "Class": "None",
}

// ServeHTTP answers with one value for each period that has calls, as CloudWatch does.
func (s Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil || r.URL.Path != Path {
		Refuse(w, http.StatusBadRequest, "UnknownOperationException", "this endpoint plays GetMetricData alone")
		return
	}
	q, err := read(body)
	if err != nil {
		Refuse(w, http.StatusBadRequest, "InvalidParameterValue", err.Error())
		return
	}
	times, values := cbor.List{}, cbor.List{}
	for at := q.from.Truncate(q.period); at.Before(q.to); at = at.Add(q.period) {
		if n := s.Count(at, at.Add(q.period)); n > 0 {
			times = append(times, &cbor.Tag{ID: 1, Value: cbor.Float64(at.Unix())})
			values = append(values, cbor.Float64(n))
		}
	}
	answer(w, http.StatusOK, cbor.Map{"MetricDataResults": cbor.List{cbor.Map{
		"Id": cbor.String(q.id), "Label": cbor.String("CallCount"), "StatusCode": cbor.String("Complete"), "Timestamps": times, "Values": values,
	}}})
}

// Refuse answers an error as CloudWatch writes it.
func Refuse(w http.ResponseWriter, status int, kind, message string) {
	answer(w, status, cbor.Map{"__type": cbor.String(kind), "message": cbor.String(message)})
}

func answer(w http.ResponseWriter, status int, value cbor.Value) {
	w.Header().Set("Smithy-Protocol", "rpc-v2-cbor")
	w.Header().Set("Content-Type", "application/cbor")
	w.WriteHeader(status)
	_, _ = w.Write(cbor.Encode(value)) // the caller has gone: nothing is left to tell it
}

// query is one question about the usage.
type query struct {
	id       string
	from, to time.Time
	period   time.Duration
}

// read reads a request. One for another metric, or for several, is refused: a typing error in a name would count nothing.
func read(body []byte) (query, error) {
	value, err := cbor.Decode(body)
	if err != nil {
		return query{}, err
	}
	in, _ := value.(cbor.Map)
	queries, _ := in["MetricDataQueries"].(cbor.List)
	if len(queries) != 1 {
		return query{}, fmt.Errorf("%d queries: this endpoint answers one", len(queries))
	}
	one, _ := queries[0].(cbor.Map)
	stat, _ := one["MetricStat"].(cbor.Map)
	metric, _ := stat["Metric"].(cbor.Map)
	said := map[string]string{"Namespace": text(metric["Namespace"]), "MetricName": text(metric["MetricName"]), "Stat": text(stat["Stat"])}
	dimensions, _ := metric["Dimensions"].(cbor.List)
	for _, d := range dimensions {
		dimension, _ := d.(cbor.Map)
		said[text(dimension["Name"])] = text(dimension["Value"])
	}
	if fmt.Sprint(said) != fmt.Sprint(usage) { // maps are printed in the order of their keys
		return query{}, fmt.Errorf("no metric %v is counted here, only %v", said, usage)
	}
	q := query{id: text(one["Id"])}
	period, err := cbor.AsInt64(stat["Period"])
	if err != nil || period < 60 || period%60 != 0 {
		return q, fmt.Errorf("the period must be whole minutes: %v", err)
	}
	q.period = time.Duration(period) * time.Second
	if q.from, err = cbor.AsTime(in["StartTime"]); err != nil {
		return q, fmt.Errorf("StartTime: %w", err)
	}
	if q.to, err = cbor.AsTime(in["EndTime"]); err != nil {
		return q, fmt.Errorf("EndTime: %w", err)
	}
	return q, nil
}

func text(v cbor.Value) string {
	s, _ := v.(cbor.String)
	return string(s)
}
