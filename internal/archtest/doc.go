// Package archtest keeps the house in order. It holds tests only: they read the source of every package and check who
// imports whom (against the table in docs/architecture.md, which is the rule), that permits have one mint, that nothing
// dials out except where it must, that nothing of a viewer's is kept in a shared cache, and the measures of the style:
// package comments, no init functions, no mutable package-level state, short functions, files and parameter lists.
//
// Every rule says what is wrong, where, and how to mend it; and every rule is itself tried on small sources that break
// it. A rule that is wrong is changed here, for everybody; there is no list of exceptions to add oneself to.
package archtest
