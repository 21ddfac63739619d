// Package catalogue is the texts that people read, a file for each language, and how times, numbers and lists are written in
// it. It knows neither pages nor mails nor commands: all have their texts from it. Errors, the log, JSON and the help of commands
// are English, and not in it.
//
// Start with New, which loads and checks the files, and Set.Choose, which finds the Language for a reader. A text is
// looked up by its ID. Language.HTML escapes the text and the values, so that neither can bring markup along; only what a
// page hands over as template.HTML or as a Pair is markup. en.toml says how texts are written.
package catalogue
