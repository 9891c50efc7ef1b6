package certificate

import "time"

// Look looks at the files as at a time.
func Look(s *Store, at time.Time) { s.look(at) }
