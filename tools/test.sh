# shellcheck shell=bash
# ./dev test: unit tests and end to end. With --all also what needs a system of its own, both again under
# sanitizers, how many branches they take, and some fuzzing.
# Every suite leaves a JUnit file in $results; tests/support/summary.py reads them all.

: "${steps_log?}" "${build?}" # by dev
results=$build/test-results

# unit FOLDER NAME
unit() {
	local status=0
	meson test -C "$1" --no-rebuild --print-errorlogs || status=$?
	cp "$1/meson-logs/testlog.junit.xml" "$results/$2.xml" || return 1
	return "$status"
}

# end_to_end FOLDER NAME [PYTEST ARGUMENT...]
end_to_end() {
	local folder=$1 name=$2
	shift 2
	# by file, since the tests of one file share what they made; four at a time on two cores, since some always wait
	HANDBACK_BUILD=$(realpath "$folder") /usr/bin/python3 -m pytest tests -p no:cacheprovider -q -ra \
		-n 4 --dist loadfile --junit-xml="$results/$name.xml" "$@"
}

# rooms: the folders of tests/ that have tests
rooms() {
	local room
	for room in tests/*/; do
		if [[ $room == tests/unit/ ]] || compgen -G "${room}test_*.py" >/dev/null; then
			basename "$room"
		fi
	done
}

# test_some ROOM | NAME: at once on the terminal
test_some() {
	export HANDBACK_BUILD=$build
	if [[ $* == unit ]]; then
		exec meson test -C "$build" --no-rebuild --print-errorlogs
	elif grep -qxF -- "$*" <(rooms); then
		exec /usr/bin/python3 -m pytest "tests/$*" -p no:cacheprovider -q -ra -n 3 --dist loadfile --durations=10
	fi
	exec /usr/bin/python3 -m pytest tests -p no:cacheprovider -k "$*"
}

# what --all adds to the tests that run every time
test_the_rest() {
	local failed=0
	# instrumented code gives the compiler false alarms: its warnings were errors above
	# -g1: a stack trace wants lines and no variables, and a sixth of the compiler's time goes into those
	must 'build with sanitizers' compile build-sanitize -Dbuildtype=debug -Doptimization=1 -Dc_args=-g1 \
		-Db_sanitize=address,undefined -Db_lundef=false -Dtest_build=true
	# the parser's sandbox has no place for the leak checker's helper process
	export ASAN_OPTIONS=detect_leaks=0:abort_on_error=1 UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
	step 'unit tests, sanitized' unit build-sanitize unit-sanitized || failed=1
	step 'end to end, sanitized' end_to_end build-sanitize end-to-end-sanitized -m sanitize || failed=1
	step 'branches of the money path' /usr/bin/python3 -B tests/proofs/branches.py --junit "$results/branches.xml" || failed=1
	step 'hostile bytes' /usr/bin/python3 -B tests/proofs/fuzzing.py --minutes 0.4 --junit "$results/fuzz.xml" || failed=1
	return "$failed"
}

# run_tests [--all | ROOM | NAME]
run_tests() {
	local failed=0 every=(-m 'not all_only')
	export PYTHONDONTWRITEBYTECODE=1
	must build compile "$build" -Dtests=true -Dwerror=true -Dtest_build=true
	if [[ ${1:-} == --all ]]; then
		(($# == 1)) || die "--all goes with no name"
		every=()
	elif (($# > 0)); then
		test_some "$@"
	fi
	rm -rf "$results"
	mkdir -p "$results"
	step 'unit tests' unit "$build" unit || failed=1
	[[ ${1:-} == --all ]] || export HANDBACK_QUICK=1 # a share of each seeded search: tests/support/share.py
	step 'end to end' end_to_end "$build" end-to-end "${every[@]}" || failed=1
	[[ ${1:-} != --all ]] || test_the_rest || failed=1
	/usr/bin/python3 tests/support/summary.py "$steps_log" "$failed" "$results"/*.xml
}
