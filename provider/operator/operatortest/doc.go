// Package operatortest proves that an operator.Operator keeps its promises on a store: begin with Test. Nothing of it
// belongs into a server.
package operatortest
