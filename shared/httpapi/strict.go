package httpapi

import (
	"bytes"
	"errors"
	"io"
	"reflect"
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"qmslicensing/shared/license"
)

// maxDepth bounds how deep a body may be nested.
const maxDepth = 16

// checkSyntax reads a body once for what is wrong with it as JSON, null where a member cannot be null included. Duplicate names and invalid UTF-8 are errors of the
// decoder itself.
func checkSyntax(body []byte, nullable []string) error {
	if len(bytes.TrimSpace(body)) == 0 {
		return license.Refuse(license.InvalidRequest, "The body is empty. Send a JSON object.")
	}
	decoder := jsontext.NewDecoder(bytes.NewReader(body))
	for {
		token, err := decoder.ReadToken()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return invalidBody(err)
		case token.Kind() == 'n' && !slices.Contains(nullable, decoder.StackPointer().LastToken()):
			pointer := decoder.StackPointer()
			return license.Invalid(string(pointer), "%q is null. Give it a value, or leave it out.", pointer.LastToken())
		case decoder.StackDepth() > maxDepth:
			return license.Refuse(license.InvalidRequest, "The body is nested deeper than %d levels. Send a flatter one.", maxDepth)
		case decoder.StackDepth() == 0:
			if rest := bytes.TrimSpace(body[decoder.InputOffset():]); len(rest) > 0 {
				return license.Refuse(license.InvalidRequest, "The body goes on after its JSON value. Send one value.")
			}
			return nil
		}
	}
}

// invalidBody says in words what the JSON library found, and where.
func invalidBody(err error) error {
	var syntactic *jsontext.SyntacticError
	var semantic *json.SemanticError
	switch {
	case errors.Is(err, jsontext.ErrDuplicateName) && errors.As(err, &syntactic):
		return license.Invalid(string(syntactic.JSONPointer), "The member %q is there twice. Send it once.", syntactic.JSONPointer.LastToken())
	case errors.As(err, &syntactic):
		return license.Refuse(license.InvalidRequest, "The body is not valid JSON at byte %d: %v.", syntactic.ByteOffset, syntactic.Err)
	case errors.Is(err, json.ErrUnknownName) && errors.As(err, &semantic):
		return license.Invalid(string(semantic.JSONPointer), "There is no member %q here. Leave it out, or correct its name.", semantic.JSONPointer.LastToken())
	case errors.As(err, &semantic):
		return wrongValue(semantic)
	}
	return license.Refuse(license.InvalidRequest, "The body cannot be read: %v.", err)
}

// wrongValue describes a member of the wrong type or form.
func wrongValue(e *json.SemanticError) error {
	pointer := string(e.JSONPointer)
	name := e.JSONPointer.LastToken()
	if name == "" {
		name = "the body"
	}
	if e.Err != nil && e.JSONKind == '"' && e.GoType != nil && e.GoType.Kind().String() != "string" {
		return license.Invalid(pointer, "%s: %v.", name, rootCause(e.Err))
	}
	want := "another type"
	switch {
	case e.GoType == reflect.TypeFor[license.Date]():
		want = "a day, written YYYY-MM-DD"
	case e.GoType != nil:
		switch e.GoType.Kind().String() {
		case "int", "int64":
			want = "a whole number"
		case "string":
			want = "a text"
		case "slice":
			want = "a list"
		case "struct", "map":
			want = "an object"
		case "bool":
			want = "true or false"
		}
	}
	return license.Invalid(pointer, "%s has the wrong type or form: it must be %s.", name, want)
}

func rootCause(err error) error {
	for {
		next := errors.Unwrap(err)
		if next == nil {
			return err
		}
		err = next
	}
}
