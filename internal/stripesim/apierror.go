package stripesim

import (
	"fmt"
	"maps"
	"net/http"
)

// apiError is an answer of Stripe's that is not a success.
// Types and codes: https://docs.stripe.com/api/errors, https://docs.stripe.com/error-codes
type apiError struct {
	status  int
	kind    string // Stripe's "type"
	code    string
	param   string
	message string
	more    object // further fields, such as decline_code or payment_intent
}

func (e *apiError) Error() string { return e.message }

// body answers the error as Stripe writes it.
func (e *apiError) body() object {
	inner := object{"type": e.kind, "message": e.message}
	if e.code != "" {
		inner["code"] = e.code
		inner["doc_url"] = "https://stripe.com/docs/error-codes/" + dashed(e.code)
	}
	if e.param != "" {
		inner["param"] = e.param
	}
	maps.Copy(inner, e.more)
	return object{"error": inner}
}

func dashed(code string) string {
	out := []byte(code)
	for i, b := range out {
		if b == '_' {
			out[i] = '-'
		}
	}
	return string(out)
}

// invalid is a 400: the request cannot be carried out as it was put.
func invalid(code, param, format string, args ...any) *apiError {
	return &apiError{
		status: http.StatusBadRequest, kind: "invalid_request_error",
		code: code, param: param, message: fmt.Sprintf(format, args...),
	}
}

// missing is a 404 for an id in the address. The same for an id in a parameter
// is a 400: see unknownID.
func missing(kind, id string) *apiError {
	e := unknownID(kind, id, "id")
	e.status = http.StatusNotFound
	return e
}

// unknownID is a 400 for a parameter that names an object that is not there.
func unknownID(kind, id, param string) *apiError {
	return invalid("resource_missing", param, "No such %s: '%s'", kind, id)
}

func unauthorized(code, format string, args ...any) *apiError {
	e := invalid(code, "", format, args...)
	e.status = http.StatusUnauthorized
	return e
}
