package stacks_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

// pattern is a JSON filter pattern of CloudWatch Logs, as far as alarms.yaml uses them: members of the top level, compared
// with texts or numbers, joined by && and || and parentheses. A text is not a number: "401" is not 401.
type pattern func(line map[string]any) bool

// patternParser reads a pattern token by token and keeps the first failure.
type patternParser struct {
	tokens []string
	err    error
}

var patternToken = regexp.MustCompile(`\s*(\{|\}|\(|\)|&&|\|\||!=|>=|<=|=|>|<|\$\.[A-Za-z]\w*|"[^"*%]*"|-?\d+(?:\.\d+)?)`)

func parsePattern(text string) (pattern, error) {
	p := &patternParser{}
	for rest := text; rest != ""; {
		at := patternToken.FindStringSubmatchIndex(rest)
		if at == nil || at[0] != 0 {
			return nil, fmt.Errorf("pattern %q: cannot read %q", text, rest)
		}
		p.tokens = append(p.tokens, rest[at[2]:at[3]])
		rest = rest[at[1]:]
	}
	p.want("{")
	parsed := p.either()
	p.want("}")
	if len(p.tokens) > 0 {
		p.fail("%q stands after its end", p.tokens[0])
	}
	if p.err != nil {
		return nil, fmt.Errorf("pattern %q: %w", text, p.err)
	}
	return parsed, nil
}

func (p *patternParser) fail(format string, arguments ...any) {
	if p.err == nil {
		p.err = fmt.Errorf(format, arguments...)
	}
}

func (p *patternParser) peek() string {
	if len(p.tokens) == 0 {
		return ""
	}
	return p.tokens[0]
}

func (p *patternParser) next() string {
	token := p.peek()
	if token == "" {
		p.fail("it ends too early")
		return ""
	}
	p.tokens = p.tokens[1:]
	return token
}

func (p *patternParser) want(token string) {
	if got := p.next(); got != token {
		p.fail("%q stands where %q belongs", got, token)
	}
}

func (p *patternParser) either() pattern {
	parsed := p.both()
	for p.peek() == "||" {
		p.next()
		left, right := parsed, p.both()
		parsed = func(line map[string]any) bool { return left(line) || right(line) }
	}
	return parsed
}

func (p *patternParser) both() pattern {
	parsed := p.term()
	for p.peek() == "&&" {
		p.next()
		left, right := parsed, p.term()
		parsed = func(line map[string]any) bool { return left(line) && right(line) }
	}
	return parsed
}

func (p *patternParser) term() pattern {
	if p.peek() == "(" {
		p.next()
		parsed := p.either()
		p.want(")")
		return parsed
	}
	member, operator, value := p.next(), p.next(), p.next()
	if len(member) < 3 || member[:2] != "$." {
		p.fail("%q is no member of the line", member)
		return nil
	}
	if number, err := strconv.ParseFloat(value, 64); err == nil {
		return p.number(member[2:], operator, number)
	}
	text, err := strconv.Unquote(value)
	if err != nil || operator != "=" && operator != "!=" {
		p.fail("%s %s %s compares nothing", member, operator, value)
		return nil
	}
	return func(line map[string]any) bool {
		got, ok := line[member[2:]].(string)
		return ok && (got == text) == (operator == "=")
	}
}

func (p *patternParser) number(member, operator string, number float64) pattern {
	compare := map[string]func(got float64) bool{
		"=": func(got float64) bool { return got == number }, "!=": func(got float64) bool { return got != number },
		">": func(got float64) bool { return got > number }, ">=": func(got float64) bool { return got >= number },
		"<": func(got float64) bool { return got < number }, "<=": func(got float64) bool { return got <= number },
	}[operator]
	if compare == nil {
		p.fail("%q does not compare", operator)
		return nil
	}
	return func(line map[string]any) bool {
		got, ok := line[member].(float64)
		return ok && compare(got)
	}
}

func TestPattern_MatchesAsCloudWatchLogsDoes(t *testing.T) {
	for _, c := range []struct {
		pattern, line string
		want          bool
	}{
		{`{ $.msg = "swept" }`, `{"msg":"swept"}`, true},
		{`{ $.msg = "swept" }`, `{"msg":"swept away"}`, false},
		{`{ $.msg = "swept" }`, `{"message":"swept"}`, false},
		{`{ $.msg != "swept" }`, `{"msg":"request"}`, true},
		{`{ $.msg != "swept" }`, `{}`, false},
		{`{ $.status = "401" }`, `{"status":401}`, false},
		{`{ $.status = 401 }`, `{"status":"401"}`, false},
		{`{ $.n >= 0 }`, `{"n":0}`, true},
		{`{ $.n > 0 }`, `{"n":0}`, false},
		{`{ $.n < -1.5 }`, `{"n":-2}`, true},
		{`{ ($.a = "x") && ($.n >= 1) }`, `{"a":"x","n":1}`, true},
		{`{ ($.a = "x") && ($.n >= 1) }`, `{"a":"x"}`, false},
		{`{ ($.a = "x") || ($.a = "y") && ($.n = 1) }`, `{"a":"x"}`, true},
		{`{ (($.a = "x") || ($.a = "y")) && ($.n = 1) }`, `{"a":"x"}`, false},
	} {
		parsed, err := parsePattern(c.pattern)
		require.NoError(t, err, c.pattern)
		var line map[string]any
		require.NoError(t, json.Unmarshal([]byte(c.line), &line))
		require.Equal(t, c.want, parsed(line), "%s on %s", c.pattern, c.line)
	}
}

func TestPattern_WhatItDoesNotKnowIsRefused(t *testing.T) {
	for _, text := range []string{
		``, `swept`, `{ }`, `{ $.msg }`, `{ $.msg = "swept" `, `{ $.msg = "swept" } }`, `{ $.msg = "swep*" }`, `{ $.msg = swept }`,
		`{ $.msg > "swept" }`, `{ ($.a = 1 }`, `{ $.a = 1 && }`, `{ "a" = "a" }`, `{ $.a = %a% }`,
	} {
		_, err := parsePattern(text)
		require.Error(t, err, text)
	}
}
