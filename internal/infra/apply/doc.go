// Package apply carries out a plan.
//
// Changes that do not depend on each other run at the same time, bounded in number, and
// few at a time on one storage or template. A change whose predecessor failed is not
// begun; the others continue. The Result lists what was done, failed
// or not begun; the estate is as declared only when Result.Converged is true.
//
// Every write that was planned from a read carries the digest of what was read: if
// somebody changed the object since, the write is refused and the change stops before
// harm. A VMID is checked right before a guest is made. A write whose answer was lost
// is never repeated blindly: the object is planned again from the live state, and
// only the remaining steps are taken. So an apply that was killed at any point is
// finished by running it again.
package apply
