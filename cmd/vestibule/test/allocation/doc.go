// Package allocation counts what whole servers allocate to answer: a sign-in, tokens, a question about one. What is allocated
// has to be collected, and at the rate of a busy server that is what its processors do most.
//
// The handler is called without a network, and only what is allocated while it runs counts: the browser and the relying party
// of the test are in the same process.
//
//	go test ./cmd/vestibule/test/allocation -run none -bench . -benchtime 200x -memprofile /tmp/mem -memprofilerate 4096
//	go tool pprof -sample_index=alloc_space -focus allocation.serve -top /tmp/mem
package allocation
