package paywall

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// encoding/json takes the last of two equal names, matches names in any case,
// and lets null stand for anything. Each of these lets two readers of one
// signed token see different claims, so that objects are walked here instead:
// json.Valid judges the grammar, and the walk relies on it.

// object calls field for each member of the JSON object in data, in order,
// with the name and the raw text of the value. It returns the names. It
// refuses a name that comes twice or is spelt with escapes.
func object(data []byte, field func(name, value string) error) ([]string, error) {
	if !utf8.Valid(data) || !json.Valid(data) {
		return nil, errors.New("not valid JSON")
	}
	text := trim(string(data))
	if text[0] != '{' {
		return nil, errors.New("not a JSON object")
	}
	seen := make([]string, 0, 16)
	err := members(text, func(name, value string) error {
		if slices.Contains(seen, name) {
			return errTwice
		}
		seen = append(seen, name)
		return field(name, value)
	})
	return seen, err
}

var errTwice = errors.New("the name comes twice")

// members walks the valid JSON object that text is.
func members(text string, field func(name, value string) error) error {
	for rest := trim(text[1:]); rest[0] != '}'; {
		var name, value string
		name, value, rest = member(rest)
		if strings.Contains(name, `\`) {
			return fmt.Errorf("%s: the name is escaped", name)
		}
		if err := field(name, value); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

// record reads the fields into to, and requires some of them. Others in data
// are ignored, as RFC 7519 asks, unless they differ from one of ours in case
// only: another reader of the same text might take those for it.
func record[T any](to *T, data []byte, fields map[string]func(*T, string) error, required []string) error {
	seen, err := object(data, func(name, value string) error {
		if set, known := fields[name]; known {
			return set(to, value)
		}
		for other := range fields {
			if strings.EqualFold(name, other) {
				return errors.New("a case variant")
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return requireAll(seen, required)
}

// member cuts the first name and value off the inside of a valid object.
func member(s string) (name, value, rest string) {
	end := stringEnd(s)
	name = s[1 : end-1]
	s = trim(trim(s[end:])[1:])
	end = valueEnd(s)
	value, rest = trim(s[:end]), s[end:]
	if rest[0] == ',' {
		rest = trim(rest[1:])
	}
	return name, value, rest
}

// valueEnd returns where the value at the start of s ends: at the comma or
// bracket that follows it.
func valueEnd(s string) int {
	depth := 0
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '"':
			i += stringEnd(s[i:]) - 1
		case '{', '[':
			depth++
		case '}', ']':
			if depth == 0 {
				return i
			}
			depth--
		case ',':
			if depth == 0 {
				return i
			}
		}
	}
	return len(s)
}

// stringEnd returns the length of the JSON string at the start of s.
func stringEnd(s string) int {
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(s)
}

// trim takes the white space off what begins and ends with valid JSON: nothing
// else at its edges is as low as a space.
func trim(s string) string {
	for s != "" && s[0] <= ' ' {
		s = s[1:]
	}
	for s != "" && s[len(s)-1] <= ' ' {
		s = s[:len(s)-1]
	}
	return s
}

// text reads a JSON string that is not empty.
func text(to *string, value string) error {
	if value[0] != '"' {
		return errors.New("not a string")
	}
	*to = value[1 : len(value)-1]
	if strings.Contains(value, `\`) {
		if err := json.Unmarshal([]byte(value), to); err != nil {
			return err
		}
	}
	if *to == "" {
		return errors.New("empty")
	}
	return nil
}

// whole reads an integer that is not negative, written without a point or an
// exponent.
func whole(to *int64, value string) error {
	n, err := strconv.ParseInt(value, 10, 64)
	if err != nil || n < 0 {
		return errors.New("not a whole number")
	}
	*to = n
	return nil
}

// instant reads seconds since 1970, which zero is not: a zero is a field that
// somebody forgot to fill.
func instant(to *int64, value string) error {
	if err := whole(to, value); err != nil {
		return err
	}
	if *to == 0 {
		return errors.New("zero")
	}
	return nil
}

// texts reads an array of strings, none of them empty.
func texts(to *[]string, value string) error {
	if value[0] != '[' {
		return errors.New("not an array")
	}
	var list []string
	for rest := trim(value[1:]); rest[0] != ']'; {
		var item string
		end := valueEnd(rest)
		if err := text(&item, trim(rest[:end])); err != nil {
			return err
		}
		list = append(list, item)
		if rest = rest[end:]; rest[0] == ',' {
			rest = trim(rest[1:])
		}
	}
	*to = list
	return nil
}

// sortedTexts reads an array of at most MaxEntitlements strings in ascending
// order, each once.
func sortedTexts(to *[]string, value string) error {
	var list []string
	if err := texts(&list, value); err != nil {
		return err
	}
	if len(list) > MaxEntitlements {
		return fmt.Errorf("more than %d", MaxEntitlements)
	}
	for i := 1; i < len(list); i++ {
		if list[i-1] >= list[i] {
			return errors.New("unsorted or repeated")
		}
	}
	*to = list
	return nil
}

func requireAll(seen, required []string) error {
	for _, name := range required {
		if !slices.Contains(seen, name) {
			return fmt.Errorf("%s is missing", name)
		}
	}
	return nil
}
