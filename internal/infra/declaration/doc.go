// Package declaration is the desired state of a Proxmox VE estate: what deployment.json,
// the SOPS file and the environment declare, checked as a whole, with every default
// applied, every address derived and every firewall class resolved.
//
// It reads files and the environment, and nothing else: no network, no Proxmox VE.
// A file that is missing, empty or broken is an error; it never reads as "no guests".
//
// [Load] puts the layers on top of each other by top-level key, later ones win:
//
//	defaults  <  deployment.json  <  terraform.sops.json  <  environment
//
// and gives either an estate in which all references hold, or [Problems]: all that
// is wrong at once, each with file, line, JSON path and what to do. Unknown keys are
// problems, since a key that is quietly dropped is a setting that quietly does
// nothing. [Explain] shows where each value comes from.
//
// Values of the SOPS file and passwords never reach a problem or an explanation.
//
// Where the declaration says something else than it did for the Terraform modules
// that it was written for, the comment at that place begins with "Decision:".
//
// It has more than 1,500 lines: one file for each section of the declaration, and their
// types, which every other package names.
package declaration
