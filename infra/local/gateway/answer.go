package gateway

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
)

// answer is a response to send.
type answer struct {
	status  int
	headers map[string]string
	cookies []string
	body    []byte
}

var (
	errNotFound   = errors.New("no such route")
	errBadRequest = errors.New("request body could not be read")
)

// refusalFor is what API Gateway itself answers: {"message": …} and nothing of the reason.
func refusalFor(err error) answer {
	var denied *deniedError
	switch {
	case errors.As(err, &denied):
		out := message(denied.status)
		out.headers["Www-Authenticate"] = denied.challenge
		return out
	case errors.Is(err, errNotFound):
		return message(http.StatusNotFound)
	case errors.Is(err, errBadRequest):
		return message(http.StatusBadRequest)
	case errors.Is(err, ErrTooLarge):
		return message(http.StatusRequestEntityTooLarge)
	case errors.Is(err, context.DeadlineExceeded): // the integration's own bound
		return message(http.StatusServiceUnavailable)
	default:
		return message(http.StatusInternalServerError)
	}
}

func message(status int) answer {
	body, _ := json.Marshal(map[string]string{"message": http.StatusText(status)})
	return answer{status: status, headers: map[string]string{"Content-Type": "application/json"}, body: body}
}

// parseAnswer reads a function's answer. Without a statusCode the whole of it is the body of a 200, as JSON.
func parseAnswer(payload []byte) (answer, error) {
	var members map[string]json.RawMessage
	if !json.Valid(payload) {
		return answer{}, errors.New("function answered something that is not JSON")
	}
	if json.Unmarshal(payload, &members) != nil || members["statusCode"] == nil {
		return inferredAnswer(payload), nil
	}
	var proxy struct {
		StatusCode      any            `json:"statusCode"`
		Headers         map[string]any `json:"headers"`
		Cookies         []string       `json:"cookies"`
		Body            *string        `json:"body"`
		IsBase64Encoded bool           `json:"isBase64Encoded"`
	}
	decoder := json.NewDecoder(bytes.NewReader(payload))
	decoder.UseNumber()
	if err := decoder.Decode(&proxy); err != nil {
		return answer{}, fmt.Errorf("reading the function's answer: %w", err)
	}
	status, err := strconv.Atoi(fmt.Sprint(proxy.StatusCode))
	if err != nil || status < 200 || status > 599 {
		return answer{}, fmt.Errorf("function answered the status %v", proxy.StatusCode)
	}
	out := answer{status: status, headers: map[string]string{}, cookies: proxy.Cookies}
	for name, value := range proxy.Headers {
		out.headers[http.CanonicalHeaderKey(name)] = fmt.Sprint(value)
	}
	if proxy.Body != nil {
		out.body = []byte(*proxy.Body)
		if proxy.IsBase64Encoded {
			if out.body, err = base64.StdEncoding.DecodeString(*proxy.Body); err != nil {
				return answer{}, fmt.Errorf("decoding the function's answer: %w", err)
			}
		}
	}
	if out.headers["Content-Type"] == "" {
		out.headers["Content-Type"] = "text/plain;charset=UTF-8"
	}
	return out, nil
}

func inferredAnswer(payload []byte) answer {
	body := payload
	var text string
	if json.Unmarshal(payload, &text) == nil {
		body = []byte(text)
	}
	return answer{status: http.StatusOK, headers: map[string]string{"Content-Type": "application/json"}, body: body}
}

func (a answer) write(w http.ResponseWriter, r *http.Request) {
	for name, value := range a.headers {
		w.Header().Set(name, value)
	}
	for _, cookie := range a.cookies {
		w.Header().Add("Set-Cookie", cookie)
	}
	bodyless := a.status == http.StatusNoContent || a.status == http.StatusNotModified
	if bodyless {
		w.Header().Del("Content-Type")
	} else {
		w.Header().Set("Content-Length", strconv.Itoa(len(a.body)))
	}
	w.WriteHeader(a.status)
	if !bodyless && r.Method != http.MethodHead {
		_, _ = w.Write(a.body)
	}
}
