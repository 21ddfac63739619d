// Package step is a second step for a program that has its own log-in: the pages between its password and its answer,
// and the pages on which users look after their authenticators, as one http.Handler below a path of the program's choice.
//
// The program, a Host, tells who is signed in with it and keeps what comes of a sign-in. New makes the handler, and
// Handler.SignIn begins a sign-in where the program would have gone on after the password:
//
//	steps, err := step.New(step.Config{Origin: "https://id.example.com", Prefix: "/step", Host: host, LogIn: "/login", LogOut: "/logout", Store: db, Keys: keys})
//	steps.Register(mux)
//	go steps.Work(ctx)
//	...
//	steps.SignIn(w, r, step.SignIn{Request: id, Demand: demand})
//
// The handler decides what the user owes, as the pages of the server do: nothing, a code, a set-up, a newer password. It
// shows the pages for that, or leads to the program's log-in. Then Host.Finish gets the login and says where the browser
// goes on. A Host that keeps its own rows in the same database is a Keeper as well: it gets the login in the commit that
// spends the code. Host says what is committed when.
//
// The step asks for no consent: what an app may have is between the program and its users, before SignIn or after Finish.
// Package consent keeps who has allowed what.
//
// Users find their security page at Prefix/account.
package step
