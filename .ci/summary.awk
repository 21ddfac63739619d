# Reads the events of go test -json: prints each package's line, the output of what failed, and as the
# last line how many tests passed and failed. A skipped test fails the run: here nothing may be missing.

function field(name,    text) {
	if (!match($0, "\"" name "\":\"([^\"\\\\]|\\\\.)*\"")) return ""
	text = substr($0, RSTART + length(name) + 4, RLENGTH - length(name) - 5)
	return text
}

function plain(text) {
	gsub(/\\\\/, "\001", text) # first, so that what follows it stays
	gsub(/\\u003c/, "<", text)
	gsub(/\\u003e/, ">", text)
	gsub(/\\u0026/, "\\&", text)
	gsub(/\\u001b/, "", text)
	gsub(/\\t/, "\t", text)
	gsub(/\\"/, "\"", text)
	gsub(/\\r/, "", text)
	gsub(/\\n/, "\n", text)
	gsub(/\001/, "\\", text)
	return text
}

{
	action = field("Action")
	pack = field("Package")
	test = field("Test")
	key = pack " " test
}

action == "build-output" { printf "%s", plain(field("Output")) }

action == "output" {
	text = plain(field("Output"))
	said[key] = said[key] text
	if (test == "" && text ~ /^(ok|FAIL|\?)[ \t]/) printf "%s", text
}

action == "pass" && test != "" { passed++; delete said[key] }

action == "fail" && test != "" {
	failed++
	broken[pack] = 1
	printf "--- %s\n%s", key, said[key]
}

action == "fail" && test == "" && !broken[pack] {
	failed++
	printf "--- %s\n%s", pack, said[key]
}

action == "skip" && test != "" {
	skipped++
	printf "--- skipped: %s\n%s", key, said[key]
}

END {
	if (skipped) printf "%d skipped, and nothing may be\n", skipped
	printf "%d passed, %d failed\n", passed, failed
	exit (failed || skipped || !passed)
}
