# shellcheck shell=bash
# ./dev demo: a database, a ledger, handbackd, two days of four partners' files, and the report.
# Everything lies under ./demo; demo/handbackctl is handbackctl with the demo's configuration.

: "${build:?}"  # by dev
home=${HANDBACK_DEMO:-demo}  # tests have one of their own
demo_daemon=
demo_sshd=
demo_api=()
demo_partners=(skyline meridian aurora polaris)
demo_fetched=polaris # its files lie on a server of its own, where there is an sshd

# The database server never runs as root, and its user must reach its directory; and a socket's
# path is short.
demo_fits() {
	((${#1} < 80)) || return 1
	((EUID != 0)) || setpriv --reuid postgres --regid postgres --clear-groups test -x "$1"
}

# Where the demo lives: where it does not fit below the checkout, ./demo is a link to a place where it does.
demo_home() {
	if [[ -L $home ]]; then rm -rf "$(readlink -f "$home")"; fi
	rm -rf "$home"
	mkdir "$home"
	if ! demo_fits "$(realpath "$home")"; then
		rmdir "$home"
		ln -s "$(mktemp -d /var/tmp/handback-demo.XXXXXX)" "$home"
		chmod 0755 "$(readlink -f "$home")"
	fi
	mkdir "$home/inbound"
	for partner in "${demo_partners[@]}"; do mkdir "$home/inbound/$partner"; done
	home_path=$(realpath "$home")
}

# The fourth partner's server: a private sshd on a loopback port, that knows one key.
demo_server() {
	local sshd folder=$home_path/server
	sshd=$(PATH=$PATH:/usr/sbin command -v sshd) || return 0
	mkdir -m 0700 "$folder" "$folder/done"
	ssh-keygen -q -t ed25519 -N '' -C demo -f "$folder/host_key"
	ssh-keygen -q -t ed25519 -N '' -C demo -f "$folder/key"
	cp "$folder/key.pub" "$folder/authorized_keys"
	demo_port=$(/usr/bin/python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
	printf '%s\n' "Port $demo_port" 'ListenAddress 127.0.0.1' "HostKey $folder/host_key" \
		"AuthorizedKeysFile $folder/authorized_keys" 'PidFile none' 'StrictModes no' 'UsePAM no' \
		'PasswordAuthentication no' 'KbdInteractiveAuthentication no' 'Subsystem sftp internal-sftp' \
		>"$folder/sshd_config"
	((EUID != 0)) || mkdir -p /run/sshd
	"$sshd" -D -e -f "$folder/sshd_config" >"$folder/log" 2>&1 </dev/null &
	demo_sshd=$!
}

# demo_source PARTNER: where its files come from
demo_source() {
	local folder=$home_path/server
	printf '  - name: %s\n    partner: %s\n    profile: %s\n' "$1" "${1^^}" "$1"
	if [[ $1 != "$demo_fetched" || -z $demo_sshd ]]; then
		printf '    directory: inbound/%s\n' "$1"
		return
	fi
	printf '    settle: 0s\n    sftp:\n      host: 127.0.0.1\n      port: %s\n      user: %s\n' "$demo_port" "$(id -un)"
	printf '      key: server/key\n      host_keys: "%s"\n' "$(ssh-keygen -l -f "$folder/host_key.pub" | cut -d' ' -f2)"
	printf '      directory: %s\n      interval: 1s\n' "$home_path/inbound/$1"
	printf '      after: move\n      after_directory: %s\n' "$folder/done"
}

demo_configure() {
	local partner
	{
		demo_web=$(/usr/bin/python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
		printf '# written by ./dev demo\ndatabase:\n  embedded: %s/database\nspool: spool\nreports: reports\n' "$home_path"
		printf 'control: control\nweb: http://127.0.0.1:%s\nprofiles: %s/fixtures/profiles\nsettle: 200ms\nrescan: 1s\nsources:\n' "$demo_web" "$PWD"
		for partner in "${demo_partners[@]}"; do demo_source "$partner"; done
	} >"$home/handback.yaml"
	printf '#!/bin/sh\nexec %q --config %q "$@"\n' "$build/ctl/handbackctl" "$home_path/handback.yaml" \
		>"$home/handbackctl"
	chmod +x "$home/handbackctl"
}

demo_start() {
	"$build/daemon/handbackd" --config "$home/handback.yaml" >"$home/handbackd.log" 2>&1 </dev/null &
	demo_daemon=$!
	for _ in {1..100}; do
		[[ -S $home/control ]] && return 0
		kill -0 "$demo_daemon" 2>/dev/null || break
		sleep 0.1
	done
	cat "$home/handbackd.log"
	return 1
}

demo_stop() {
	local pid
	for pid in "${demo_api[@]}" $demo_daemon $demo_sshd; do
		kill "$pid" 2>/dev/null || true
		wait "$pid" 2>/dev/null || true
	done
	demo_api=()
	demo_daemon=
	demo_sshd=
}

demo_load() {
	/usr/bin/python3 -B fixtures/generate.py ledger |
		psql -X -q -v ON_ERROR_STOP=1 -o /dev/null -h "$home_path/database/socket" -U postgres handback
}

# demo_drop DAY: as partners do it, written beside and renamed in
demo_drop() {
	local file folder
	for file in fixtures/demo/"$1"/*/*; do
		folder=$home/inbound/$(basename "$(dirname "$file")")
		cp "$file" "$folder/.arriving.part"
		mv "$folder/.arriving.part" "$folder/$(basename "$file")"
	done
}

# until the inbound directories are empty and no copy is being handled
demo_quiet() {
	for _ in {1..300}; do
		if [[ -z $(find "$home/inbound" "$home/spool/work" -type f 2>/dev/null) ]]; then return 0; fi
		sleep 0.1
	done
	echo 'not quiet after 30 s; what handbackd said:'
	tail -n 20 "$home/handbackd.log"
	return 1
}

# The redemption API on a socket of its own, with a caller and a route to the first partner.
demo_serve() {
	(umask 077 && head -c 32 /dev/urandom >"$home/token-key")
	"$build/api/handback-api" --config "$home/handback.yaml" --listen "$home_path/api" --token-key "$home/token-key" >"$home/api.log" 2>&1 </dev/null &
	demo_api+=($!)
	"$build/gate/handback-gate" --listen "$home_path/http" --api "$home_path/api" >"$home/gate.log" 2>&1 </dev/null &
	demo_api+=($!)
	"$home/handbackctl" route add NORTHSTAR 6 SKYLINE --prefix SK >/dev/null
	for _ in {1..100}; do
		if demo_call /healthz >/dev/null 2>&1; then return 0; fi
		sleep 0.1
	done
	cat "$home/api.log" "$home/gate.log"
	return 1
}

# A system that is told, and who tells it: what becomes of redemptions is there within seconds.
demo_tell() {
	mkdir -m 0700 "$home/told"
	(umask 077 && printf 'whsec_%s\n' "$(head -c 32 /dev/urandom | base64 -w 0)" >"$home/told/crm.webhook_secret")
	/usr/bin/python3 -B fixtures/receiver.py "$home/told/crm.webhook_secret" "$home/told" >"$home/receiver.log" 2>&1 </dev/null &
	demo_api+=($!)
	for _ in {1..100}; do
		[[ ! -e $home/told/url ]] || break
		sleep 0.1
	done
	sed "s,https://hooks.example,$(<"$home/told/url")," fixtures/connectors/webhook.yaml >"$home/webhook.yaml"
	"$home/handbackctl" target add crm NORTHSTAR "$home/webhook.yaml" >/dev/null
	mkdir -p "$home/requests/NORTHSTAR/SKYLINE/out"
	cp fixtures/requests/skyline.yaml "$home/requests/NORTHSTAR/SKYLINE/profile.yaml"
	"$build/outbound/handback-outbox" --config "$home/handback.yaml" --credentials "$home/told" --requests "$home/requests" \
		>"$home/outbox.log" 2>&1 </dev/null &
	demo_api+=($!)
}

# demo_told REFERENCE STATE: until the told system has it
demo_told() {
	for _ in {1..300}; do
		if grep -qi "$1,[0-9]*,$2\$" "$home/told/told.csv"; then return 0; fi
		sleep 0.1
	done
	"$home/handbackctl" target status
	tail -n 20 "$home/outbox.log"
	return 1
}

# demo_call PATH [BODY]: by curl, over the gate's socket
demo_call() {
	curl -sSf --unix-socket "$home_path/http" -H "Authorization: Bearer ${demo_token:-}" \
		${2:+-H 'Content-Type: application/json' -d "$2"} "http://localhost$1"
}

# demo_show PATH [BODY]: what a caller types, and what comes back; the answer is in $demo_answer
demo_show() {
	local body=
	[[ -z ${2:-} ]] || body=" -d '$2'"
	printf '  curl %s%s\n' "${1##*/lbms-ingress}" "$body"
	demo_answer=$(demo_call "$@") || die "the redemption API did not answer $1"
	printf '  %s\n\n' "$demo_answer"
}

# A redemption by the API, and what the partner's next file says of it.
demo_redeem() {
	local secret member common reference now
	title 'The redemption API'
	command -v curl >/dev/null || { note 'no curl here: nobody calls it'; return 0; }
	# not as a step: they stay
	demo_serve || die "the redemption API did not start"
	secret=$("$home/handbackctl" credential add shop NORTHSTAR --json | sed -n 's/.*"secret": "\([0-9a-f]*\)".*/\1/p')
	demo_token=$(demo_call /lbms-ingress/oauth/api/Auth/Token \
		"{\"grant_type\": \"client_credentials\", \"client_id\": \"shop\", \"client_secret\": \"$secret\"}" |
		sed -n 's/.*"token": "\([^"]*\)".*/\1/p')
	member=$(psql -X -A -t -h "$home_path/database/socket" -U postgres handback -c "SELECT relation_reference
		FROM ledger.member JOIN ledger.balance USING (member_id) WHERE programme_id = 1 AND status = 'Active' AND points >= 500 ORDER BY 1 LIMIT 1")
	common="\"RelationReference\": \"$member\", \"TransactionCurrency\": \"DEFAULT\", \"RelationType\": 4, \"ProgramId\": 1"
	demo_show /lbms-ingress/pg-lm/API/PG/CheckAvailability "{$common}"
	demo_show /lbms-ingress/pg-lm/API/PG/RedeemPoints \
		"{$common, \"Amount\": 5, \"Points\": 500, \"MerchantName\": \"Skyline Air\", \"LoyaltyTxnType\": 6}"
	reference=$(sed -n 's/.*"ReturnObject": "\([^"]*\)".*/\1/p' <<<"$demo_answer")
	now=$home/inbound/skyline
	printf '%s\n' 'Redemption Reference,Member,Miles,Status,Reason,Remarks,Processed On,Confirmation,New Member' \
		"${reference,,},$member,500,REJECTED,NO_SEAT,,2026-11-20,," 'TRAILER,1,500,1,500' >"$now/.arriving.part"
	mv "$now/.arriving.part" "$now/SKYLINE_20261120_000043.csv"
	must 'day three: the partner has no seat' demo_quiet
	demo_show "/v1/redemptions/$reference"
	[[ $demo_answer == *'"state": "reversed"'* ]] || die "the redemption was not reversed"
	must 'the told system has it' demo_told "$reference" reversed
	grep -i "$reference" "$home/told/told.csv"
}

# demo_as PERSON SQL: the first value of what it finds
demo_as() {
	psql -X -q -A -t -v ON_ERROR_STOP=1 -h "$home_path/database/socket" -U postgres handback -c "SET SESSION AUTHORIZATION $1" -c "$2"
}

# What is between "NAME": " and the next ", in the last answer.
demo_said() {
	sed -n "s/.*\"$1\": \"\([^\"]*\)\".*/\1/p" <<<"$demo_answer"
}

# demo_member_token CLIENT SECRET MEMBER: demo_token is for this member alone
demo_member_token() {
	demo_token=$(demo_call /lbms-ingress/oauth/api/Auth/Token "{\"grant_type\": \"client_credentials\", \"client_id\": \"$1\",
		\"client_secret\": \"$2\", \"scope\": \"[\\\"LOGIN\\\",\\\"$3\\\"]\"}" | sed -n 's/.*"token": "\([^"]*\)".*/\1/p')
}

# A member taps Redeem, lands in a shop, takes two vouchers, and one of them is not fulfilled.
demo_shop() {
	local secret member number sso visit
	[[ -n ${demo_api[*]} ]] || return 0
	title 'A shop: one tap, two vouchers, and one that comes back'
	number=$(demo_as ann "SELECT catalogue.propose('NORTHSTAR', 'the contract of May', 100, 1, 500, 'Plum', 'https://shop.example/enter', NULL, NULL, NULL)")
	demo_as ben "SELECT 'ok' FROM catalogue.approve($number)" >/dev/null
	sso=$("$home/handbackctl" token rotate NORTHSTAR --scope sso --json | sed -n 's/.*"secret": "\([0-9a-f]*\)".*/\1/p')
	"$home/handbackctl" token rotate NORTHSTAR --scope rate >/dev/null
	secret=$("$home/handbackctl" credential add app NORTHSTAR --json | sed -n 's/.*"secret": "\([0-9a-f]*\)".*/\1/p')
	member=$(demo_as postgres "SELECT relation_reference FROM ledger.member JOIN ledger.balance USING (member_id)
		WHERE programme_id = 1 AND status = 'Active' AND points >= 1200 ORDER BY 1 LIMIT 1")
	demo_member_token app "$secret" "$member"
	# the redirect that its browser would follow; the code in it is good once, for a minute
	number=$(curl -sS -o /dev/null -w '%{redirect_url}' --unix-socket "$home_path/http" -H "Authorization: Bearer $demo_token" \
		-H 'Content-Type: application/json' -d '{}' "http://localhost/v1/members/$member/catalogue")
	printf '  the application sends the browser to %s...\n\n' "${number%%=*}="
	demo_token=$sso
	demo_show /v1/catalogue/exchange "{\"code\": \"${number#*=}\", \"audience\": \"${number%%\?*}\"}"
	visit="\"unique_id\": \"$(demo_said unique_id)\", \"auth_token\": \"$(demo_said auth_token)\""
	demo_show /v1/catalogue/balance "{$visit}"
	demo_show /v1/catalogue/orders "{$visit, \"order_id\": \"4711\", \"total_points_redeemed\": 500}"
	demo_show /v1/catalogue/orders "{$visit, \"order_id\": \"4712\", \"total_points_redeemed\": 700}"
	note 'the second voucher is not fulfilled'
	demo_show /v1/catalogue/refunds "{$visit, \"order_id\": \"4712\", \"redemption_amount\": 700}"
	"$home/handbackctl" transactions --merchant Plum --columns at,category,points,amount,currency,state,order
}

# demo_until SQL: until the database finds something, which is in $demo_found
demo_until() {
	for _ in {1..300}; do
		demo_found=$(demo_as postgres "$1")
		if [[ -n $demo_found ]]; then return 0; fi
		sleep 0.1
	done
	tail -n 20 "$home/outbox.log"
	return 1
}

# demo_agree PARTNER TERMS: one proposes and another approves
demo_agree() {
	local number
	number=$(demo_as ann "SELECT points.propose_partner('NORTHSTAR', '$1', '$2', 'the contract of May')")
	demo_as ben "SELECT 'ok' FROM points.approve($number)" >/dev/null
}

# A partner on loopback that credits points at once, and the target by which it is asked.
demo_partner() {
	(umask 077 && head -c 24 /dev/urandom | base64 -w 0 | tr '+/' '-_' >"$home/told/orbit.transfer_secret")
	/usr/bin/python3 -B fixtures/partner.py "$home/told/orbit.transfer_secret" "$home/told" >"$home/partner.log" 2>&1 </dev/null &
	demo_api+=($!)
	for _ in {1..100}; do
		[[ ! -e $home/told/partner ]] || break
		sleep 0.1
	done
	sed "s,https://transfer.example,$(<"$home/told/partner")," fixtures/connectors/fulfilment-order.yaml >"$home/orbit.yaml"
	"$home/handbackctl" target add orbit NORTHSTAR "$home/orbit.yaml" >/dev/null
}

# A CRM asks for points at two partners: one credits them at once; the other's go in a window's file, whose hand-back file rejects them.
demo_points() {
	local secret member now rows
	[[ -n ${demo_api[*]} ]] || return 0
	title 'Points requests: two deals are won; one partner is asked at once, and one in a file'
	member=$(demo_as postgres "SELECT relation_reference FROM ledger.member JOIN ledger.balance USING (member_id)
		WHERE programme_id = 1 AND status = 'Active' AND points >= 3000 ORDER BY 1 LIMIT 1")
	demo_partner || die "there is no partner"
	demo_agree SKYLINE '{"account": "stated"}'
	demo_agree ORBIT '{"account": "stated", "target": "orbit"}'
	"$home/handbackctl" points partners
	secret=$("$home/handbackctl" credential add deals NORTHSTAR --json | sed -n 's/.*"secret": "\([0-9a-f]*\)".*/\1/p')
	demo_token=$(demo_call /lbms-ingress/oauth/api/Auth/Token \
		"{\"grant_type\": \"client_credentials\", \"client_id\": \"deals\", \"client_secret\": \"$secret\"}" |
		sed -n 's/.*"token": "\([^"]*\)".*/\1/p')
	rows="{\"RequestKey\": \"deal-1-won\", \"RelationReference\": \"$member\", \"PartnerMemberId\": \"OR1234561\",
		\"Partner\": \"ORBIT\", \"Points\": 1000, \"Reason\": \"Closed Won\"},
		{\"RequestKey\": \"deal-2-won\", \"RelationReference\": \"$member\", \"PartnerMemberId\": \"SK1234562\",
		\"Partner\": \"SKYLINE\", \"Points\": 2000, \"Reason\": \"Closed Won\"}"
	demo_show /lbms-ingress/pg-lm/API/PG/PointsRequest "[$rows]"
	must 'the first partner credits at once' demo_until "SELECT state FROM points.requests WHERE request_key = 'deal-1-won' AND state = 'credited'"
	sed 's/^/  /' "$home/told/credited.csv"
	demo_until "SELECT name FROM points.sending JOIN points.batch_step USING (batch_no) WHERE step = 'placed'" || die 'the request did not become a file'
	printf '\n  %s\n' "$demo_found"
	sed 's/^/  /' "$home/requests/NORTHSTAR/SKYLINE/out/$demo_found"
	printf '\n'
	now=$home/inbound/skyline
	demo_as postgres "SELECT 'Redemption Reference,Member,Miles,Status,Reason,Remarks,Processed On,Confirmation,New Member' UNION ALL
		(SELECT concat_ws(',', d.external_reference, d.member, d.points, 'REJECTED,NO_SEAT,,2026-11-21,,')
		FROM points.request r JOIN ledger.redemption d ON d.redemption_id = r.entry_id WHERE r.request_key = 'deal-2-won')
		UNION ALL SELECT 'TRAILER,1,2000,1,2000'" >"$now/.arriving.part"
	mv "$now/.arriving.part" "$now/SKYLINE_20261121_000044.csv"
	must 'day four: the second partner rejects it' demo_quiet
	must 'every batch comes to zero' demo_until "SELECT 'closed' FROM points.batches HAVING count(*) = count(ended_at)"
	"$home/handbackctl" points batches
	"$home/handbackctl" points requests
	demo_show /v1/points-requests/deal-2-won
	"$home/handbackctl" explain deal-1-won
	"$home/handbackctl" explain deal-2-won
	"$home/handbackctl" audit verify || die "audit verify found a difference"
}

# demo_link PERSON: what opens the pages as that person, once
demo_link() {
	"$home/handbackctl" web login --database "host=$home_path/database/socket user=$1 dbname=handback" --json |
		sed -n 's/.*"link": "\([^"]*\)".*/\1/p'
}

# until the pages answer
demo_answers() {
	for _ in {1..100}; do
		if (exec 3<>"/dev/tcp/127.0.0.1/$demo_web") 2>/dev/null; then return 0; fi
		sleep 0.1
	done
	cat "$home/desk.log" "$home/web.log"
	return 1
}

# The pages, for as long as somebody looks at them.
demo_pages() {
	local person
	title 'The pages'
	"$build/try/handback-try" --config "$home/handback.yaml" --listen "$home_path/try" >"$home/try.log" 2>&1 </dev/null &
	demo_api+=($!)
	HANDBACK_TRY_SOCKET=$home_path/try "$build/web/desk/handback-desk" --config "$home/handback.yaml" --listen "$home_path/desk" >"$home/desk.log" 2>&1 </dev/null &
	demo_api+=($!)
	"$build/web/handback-web" --plain --desk "$home_path/desk" --listen "127.0.0.1:$demo_web" >"$home/web.log" 2>&1 </dev/null &
	demo_api+=($!)
	must 'they answer' demo_answers
	note 'ann proposes and ben approves, each in a browser of their own; a link is good once'
	for person in ann ben; do printf '  %s  %s\n' "$person" "$(demo_link "$person")"; done
	if [[ -t 0 && -z $demo_keep ]]; then read -r -p '  Enter closes the pages. ' || true; fi
}

# All of it goes on, with things to try, until Enter (or, without a terminal, until it is ended): demo_stop ends it clean.
demo_stays() {
	local psql="psql -h $home_path/database/socket -U postgres handback"
	title 'It runs on'
	note 'the API and the pages, too; in another terminal:'
	printf '  %s\n' "$home/handbackctl status" \
		"curl --unix-socket $home_path/http http://localhost/openapi.json" \
		"$home/handbackctl web login --database \"host=$home_path/database/socket user=ann dbname=handback\"    # as ann: a link; so is any command run as ann or ben" \
		"$psql -c \"SET session_replication_role = replica; UPDATE ledger.balance SET points = points + 1 WHERE member_id = 7\"" \
		"$home/handbackctl audit verify    # names the balance that was changed"
	if [[ -t 0 ]]; then
		read -r -p '  Enter ends it. ' || true
	else
		trap : TERM
		sleep infinity &
		demo_api+=($!)
		wait $! || true
	fi
}

demo() {
	local status=0 reference demo_keep=
	case ${1:-} in
	'') ;;
	--keep) demo_keep=yes ;;
	*) die "./dev demo $1: it takes --keep, or nothing" ;;
	esac
	trap demo_stop EXIT
	demo_home
	demo_server
	[[ -n $demo_sshd ]] || note "no sshd here: the fourth partner's files come by a directory, too"
	demo_configure
	must 'new database and schema' "$home/handbackctl" migrate
	# not as a step: it stays
	demo_start || die "handbackd did not start"
	must '3,000 members, 4,800 debits' demo_load
	# one proposes and another approves
	demo_as postgres 'CREATE ROLE ann LOGIN IN ROLE handback_operator; CREATE ROLE ben LOGIN IN ROLE handback_operator'
	demo_tell || die "nobody is told"
	demo_drop 1
	must 'day one: four files' demo_quiet
	demo_drop 2
	must 'day two: five files' demo_quiet

	title 'Where the files came from'
	"$home/handbackctl" source list
	title 'The reconciliation report'
	"$home/handbackctl" report || status=$?
	((status == 0 || status == 3)) || die "the report ended with $status"
	title 'The proof'
	"$home/handbackctl" audit verify || die "audit verify found a difference"
	title 'The same report, to keep'
	"$home/handbackctl" report --write
	reference=$(sed -n '2s/,.*//p' fixtures/demo/1/skyline/*.csv)
	title 'A system that is told at once'
	must 'it has what the first file answered' demo_told "$reference" '[a-z]*'
	"$home/handbackctl" target status
	demo_redeem
	demo_shop
	demo_points
	demo_pages
	[[ -z $demo_keep ]] || demo_stays
	demo_stop

	title 'To look further'
	printf '  %s\n' "$home/handbackctl holds" "$home/handbackctl explain $reference" \
		"cat $home/spool/quarantine/*.reason"
	printf '\n'
}
