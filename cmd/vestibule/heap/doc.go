// Package heap decides how far the heap of a server may grow before it is collected. It is for a program that has a process
// for itself: begin with Grow. It never lets collections crowd out the work, however little memory there is.
package heap
