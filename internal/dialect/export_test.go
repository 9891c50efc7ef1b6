package dialect

// Whole returns the Result's own copy of a message that a relay had split.
func (r *Result) Whole() []byte { return r.whole }
