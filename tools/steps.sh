# shellcheck shell=bash
# How ./dev shows its work: a line for each step, with the time it took.
#
# On a terminal the last line of a running step's output stands beside it;
# elsewhere a step is one plain line when it has ended.  NO_COLOR is respected.
# All output goes to $steps_log too, which is named when a step fails.

steps_log=${steps_log:-}
steps_child=

if [[ -t 1 && ${TERM:-dumb} != dumb ]]; then steps_live=1; else steps_live=; fi
if [[ -n $steps_live && -z ${NO_COLOR:-} ]]; then
	bold=$'\e[1m' dim=$'\e[2m' green=$'\e[32m' red=$'\e[31m' plain=$'\e[0m'
else
	bold='' dim='' green='' red='' plain=''
fi

title() { printf '\n%s%s%s\n' "$bold" "$1" "$plain"; }
note() { printf '  %s%s%s\n' "$dim" "$1" "$plain"; }
die() {
	printf '%s%s%s\n' "$red" "$*" "$plain" >&2
	exit 1
}

# Microseconds on the clock; EPOCHREALTIME has the locale's decimal point.
now_us() { printf '%s' "${EPOCHREALTIME//[.,]/}"; }

# show_seconds MICROSECONDS: 1.3 s
show_seconds() { printf '%d.%d s' $(($1 / 1000000)) $(($1 / 100000 % 10)); }

# The newest line of the log that says something, fit for one terminal line.
steps_tail() {
	local columns=${COLUMNS:-80} line
	line=$(tail -c 2000 "$steps_log" | tr '\r\t' '\n ' | tr -cd '\n[:print:]' | grep -v '^ *$' | tail -n 1)
	printf '%s' "${line:0:$((columns > 50 ? columns - 46 : 10))}"
}

# step TITLE COMMAND [ARGUMENT...]: run it, show it, end with its status when it fails
step() {
	local title=$1 start status=0
	shift
	start=$(now_us)
	[[ -n $steps_log ]] || steps_log=$(mktemp /tmp/handback-dev.XXXXXX)
	printf '\n=== %s\n' "$title" >>"$steps_log"
	("$@") >>"$steps_log" 2>&1 </dev/null &
	steps_child=$!
	while [[ -n $steps_live ]] && kill -0 "$steps_child" 2>/dev/null; do
		printf '\r\e[K  %s…%s %-28s %7s  %s%s%s' "$bold" "$plain" "$title" \
			"$(show_seconds $(($(now_us) - start)))" "$dim" "$(steps_tail)" "$plain"
		sleep 0.2
	done
	wait "$steps_child" || status=$?
	steps_child=
	[[ -z $steps_live ]] || printf '\r\e[K'
	if ((status == 0)); then
		printf '  %s✓%s %-28s %7s\n' "$green" "$plain" "$title" "$(show_seconds $(($(now_us) - start)))"
		return 0
	fi
	printf '  %s✗%s %-28s %7s  (exit %d)\n' "$red" "$plain" "$title" \
		"$(show_seconds $(($(now_us) - start)))" "$status"
	return "$status"
}

# must TITLE COMMAND...: a step without which nothing goes on
must() {
	local status=0
	step "$@" || status=$?
	((status == 0)) && return 0
	printf '\n' >&2
	tail -n 40 "$steps_log" >&2
	die "
$1 failed; the whole output is in $steps_log"
}
