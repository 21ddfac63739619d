// Package steptest proves a store that a program of its own gives to package step.
package steptest
