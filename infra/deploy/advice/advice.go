// Package advice lets an error say what to do about it, where its cause is known better than the step in which it happened.
package advice

import "errors"

// advised is an error with its own next step, which its text leaves out: it is told apart from what went wrong.
type advised struct {
	error
	next string
}

func (a *advised) Unwrap() error { return a.error }

// With gives an error its next step. No error stays none, and one that has a next step keeps it: it is nearer to the cause.
func With(err error, next string) error {
	if err == nil || Of(err) != "" {
		return err
	}
	return &advised{err, next}
}

// Of is the next step that an error, or one that it wraps, has; empty for none.
func Of(err error) string {
	var a *advised
	if errors.As(err, &a) {
		return a.next
	}
	return ""
}
