package policy

import "qmslicensing/shared/license"

// Sale is what is sold: as sales asks for it and as accounting issues it. A subscription has a contract, a permanent
// license an order.
type Sale struct {
	ServerToken string
	Customer    string
	Type        license.Type
	Modules     license.Modules
	Contract    string
	Order       string
}

// Clean trims what people typed and checks all of it: it returns every refusal, for license.Collect.
func (s *Sale) Clean() []error {
	token, err := license.ParseServerToken(s.ServerToken)
	errs := []error{license.PointAt(err, "/serverToken")}
	if err == nil {
		s.ServerToken = string(token)
	}
	clean := func(pointer, name string, text *string, most int) {
		cleaned, err := license.CleanText(pointer, name, *text, 1, most)
		if err == nil {
			*text = cleaned
		}
		errs = append(errs, err)
	}
	clean("/customer", "The customer's name", &s.Customer, MaxCustomer)
	errs = append(errs, s.Modules.Check("/modules"))
	switch s.Type {
	case license.Subscription:
		clean("/contract", "The contract", &s.Contract, MaxPaper)
		if s.Order != "" {
			errs = append(errs, NotFor("/order", license.Permanent))
		}
	case license.Permanent:
		clean("/order", "The order", &s.Order, MaxPaper)
		if s.Contract != "" {
			errs = append(errs, NotFor("/contract", license.Subscription))
		}
	default:
		errs = append(errs, license.Invalid("/type", "The type must be subscription or permanent. Sales and support issue temporary licenses."))
	}
	return errs
}

// NotFor refuses a member of a request that belongs to the other type of license.
func NotFor(pointer string, t license.Type) error {
	return license.Invalid(pointer, "%s belongs to a %s license. Leave it out, or change the type.", pointer[1:], t)
}
