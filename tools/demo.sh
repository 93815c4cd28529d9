# shellcheck shell=bash
# ./dev demo: a database, a ledger, handbackd, two days of three partners' files, and the report.
# Everything lies under ./demo; demo/handbackctl is handbackctl with the demo's configuration.

: "${build:?}"  # by dev
demo_daemon=
demo_partners=(skyline meridian aurora)

# Where the demo lives.  The database server never runs as root, and its user must reach its
# directory: where it cannot reach the checkout, ./demo is a link to a place that it can.
demo_home() {
	if [[ -L demo ]]; then rm -rf "$(readlink -f demo)"; fi
	rm -rf demo
	if ((EUID == 0)) && ! setpriv --reuid postgres --regid postgres --clear-groups test -x "$PWD"; then
		ln -s "$(mktemp -d /var/tmp/handback-demo.XXXXXX)" demo
		chmod 0755 "$(readlink -f demo)"
	else
		mkdir demo
	fi
	mkdir demo/inbound
	for partner in "${demo_partners[@]}"; do mkdir "demo/inbound/$partner"; done
}

demo_configure() {
	local partner
	{
		printf '# written by ./dev demo\ndatabase:\n  embedded: database\nspool: spool\nreports: reports\n'
		printf 'control: control\nprofiles: %s/fixtures/profiles\nsettle: 200ms\nrescan: 1s\nsources:\n' "$PWD"
		for partner in "${demo_partners[@]}"; do
			printf '  - name: %s\n    partner: %s\n    profile: %s\n    directory: inbound/%s\n' \
				"$partner" "${partner^^}" "$partner" "$partner"
		done
	} >demo/handback.yaml
	printf '#!/bin/sh\nexec %q --config %q "$@"\n' "$PWD/$build/ctl/handbackctl" "$PWD/demo/handback.yaml" \
		>demo/handbackctl
	chmod +x demo/handbackctl
}

demo_start() {
	"$build/daemon/handbackd" --config demo/handback.yaml >demo/handbackd.log 2>&1 </dev/null &
	demo_daemon=$!
	for _ in {1..100}; do
		[[ -S demo/control ]] && return 0
		kill -0 "$demo_daemon" 2>/dev/null || break
		sleep 0.1
	done
	cat demo/handbackd.log
	return 1
}

demo_stop() {
	[[ -n $demo_daemon ]] || return 0
	kill "$demo_daemon" 2>/dev/null || true
	wait "$demo_daemon" 2>/dev/null || true
	demo_daemon=
}

demo_load() {
	/usr/bin/python3 -B fixtures/generate.py ledger |
		psql -X -q -v ON_ERROR_STOP=1 -o /dev/null -h "$PWD/demo/database/socket" -U postgres handback
}

# demo_drop DAY: as partners do it, written beside and renamed in
demo_drop() {
	local file folder
	for file in fixtures/demo/"$1"/*/*; do
		folder=demo/inbound/$(basename "$(dirname "$file")")
		cp "$file" "$folder/.arriving.part"
		mv "$folder/.arriving.part" "$folder/$(basename "$file")"
	done
}

# until the inbound directories are empty and no copy is being handled
demo_quiet() {
	for _ in {1..300}; do
		if [[ -z $(find demo/inbound demo/spool/work -type f 2>/dev/null) ]]; then return 0; fi
		sleep 0.1
	done
	echo 'not quiet after 30 s; what handbackd said:'
	tail -n 20 demo/handbackd.log
	return 1
}

demo() {
	local status=0 reference
	trap demo_stop EXIT
	demo_home
	demo_configure
	must 'new database and schema' demo/handbackctl migrate
	# not as a step: it stays
	demo_start || die "handbackd did not start"
	must '3,000 members, 4,500 debits' demo_load
	demo_drop 1
	must 'day one: three files' demo_quiet
	demo_drop 2
	must 'day two: four files' demo_quiet

	title 'The reconciliation report'
	demo/handbackctl report || status=$?
	((status == 0 || status == 3)) || die "the report ended with $status"
	title 'The proof'
	demo/handbackctl audit verify || die "audit verify found a difference"
	title 'The same report, to keep'
	demo/handbackctl report --write
	reference=$(sed -n '2s/,.*//p' fixtures/demo/1/skyline/*.csv)
	demo_stop

	title 'To look further'
	printf '  %s\n' "demo/handbackctl holds" "demo/handbackctl explain $reference" \
		"cat demo/spool/quarantine/*.reason"
	printf '\n'
}
