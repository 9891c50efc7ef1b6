// Package apply carries out a plan.
//
// Changes that don't depend on each other run at the same time, bounded in number, and
// few at a time on one storage or template. A change whose predecessor failed is not
// begun; others go on. What was done, what failed and what was not begun is in the
// Result, and only a Result that says Converged stands for the declared estate.
//
// Every write that was planned from a read carries the digest of what was read: if
// somebody changed the object since, the write is refused and the change stops before
// harm. A VMID is looked up right before a guest is made. A write whose answer was lost
// is never repeated blindly: the object is planned again from what is live, and only
// what is left is done. So an apply that was killed at any point is finished by running
// it again.
package apply
