/* The table of commands and the table of options. */
#include <stddef.h>

#include "ctl/command.h"
#include "ctl/handlers.h"
#include "lib/base/paths.h"

const struct option_spec option_specs[OPT_COUNT] = {
    [OPT_HELP] = {"help", NULL, "show what the command does and takes, with an example"},
    [OPT_CONFIG] = {"config", "FILE", "the configuration; without it " PATHS_CONFIG},
    [OPT_DATABASE] = {"database", "CONNINFO", "another database than the configuration's"},
    [OPT_JSON] = {"json", NULL, "the same as --format json"},
    [OPT_FORMAT] = {"format", "FORMAT", "text, json, csv, html, or xlsx for a spreadsheet"},
    [OPT_PARTNER] = {"partner", "P", "only this partner's"},
    [OPT_FILE] = {"file", "FILE", "only this file's: its number, the beginning of its SHA-256, or its name"},
    [OPT_FROM] = {"from", "DAY", "decided, or posted, on this day (2026-01-31, UTC) or later"},
    [OPT_TO] = {"to", "DAY", "decided, or posted, on this day or earlier"},
    [OPT_STATE] =
        {"state", "STATE",
         "files: posted, held, duplicate or closed; redemptions: open, confirmed, reversed or reinstated"},
    [OPT_OUTCOME] = {"outcome", "OUTCOME", "only records with this outcome"},
    [OPT_REASON] = {"reason", "REASON", "only what is held for this reason"},
    [OPT_LIMIT] = {"limit", "N",
                   "at most so many rows; without it text and HTML have the first, JSON, CSV and XLSX all"},
    [OPT_ALL] = {"all", NULL, "every row, however many there are"},
    [OPT_PROFILE] = {"profile", "NAME", "read the file with this profile, not with the partner's"},
    [OPT_NAME] = {"name", "NAME", "take the file as delivered under this name"},
    [OPT_RECORDS] = {"records", NULL, "show the records, too"},
    [OPT_RULES] = {"rules", NULL,
                   "show the profile and the decision tables that judged the file, as they were then"},
    [OPT_WRITE] = {"write", NULL,
                   "write the report into the report directory, in every format, with a .sha256"},
    [OPT_WATCH] = {"watch", NULL, "again each second, until it is interrupted"},
    [OPT_TOUCH] = {"touch", NULL, "write, rename and remove two files of its own on the server"},
    [OPT_WHY] = {"why", "TEXT", "the reason, for those who read it later"},
    [OPT_REDEMPTION] = {"redemption", "UUID", "which redemption is meant, for a record that names none"},
    [OPT_HEAD] = {"head", "N:HASH",
                  "a head that was noted before, as `audit head` says it: it has to be there still"},
    [OPT_CHECKPOINTS] = {"checkpoints", "FILE",
                         "a copy of the file of checkpoints, instead of the configuration's"},
    [OPT_YES] = {"yes", NULL, "do not ask"},
    [OPT_VERDICT] = {"verdict", "VERDICT", "only records that state this verdict"},
    [OPT_ACCEPT_DIFFERENCE] = {"accept-difference", NULL, "decide it, though record and redemption differ"},
    [OPT_DIFF] = {"diff", "FILE", "show what is not as in FILE, which an earlier --json wrote"},
    [OPT_PLAN] = {"plan", NULL, "only print what there is to do"},
    [OPT_HOLD] = {"hold", "HOLD", "the file on hold under this number, as if it were released now"},
    [OPT_ENDED] = {"ended", NULL, "those that have ended, with how, instead of those that wait"},
    [OPT_TABLE] = {"table", "TABLE", "which table, for --format csv; without it the first"},
    [OPT_CALLS_PER_MINUTE] = {"calls-per-minute", "N",
                              "how often the caller may ask; without it as often as it likes"},
    [OPT_POINTS_PER_DAY] = {"points-per-day", "N", "the points that its redemptions may take in a day (UTC)"},
    [OPT_SCOPE] =
        {"scope", "WORDS",
         "what tokens are for, with commas: read, redeem, reverse; else all. Of the shop's: sso or rate"},
    [OPT_MERCHANT] = {"merchant", "NAME", "only redemptions at this merchant; without it those at any"},
    [OPT_SOURCE_NAME] = {"source", "NAME", "for the hand-back files of this source, and nothing else"},
    [OPT_RATE] = {"rate", "POINTS[/UNITS]",
                  "so many points are worth one unit of currency, or so many: 100, 7/2"},
    [OPT_MINIMUM_BALANCE] = {"minimum-balance", "POINTS",
                             "the balance from which on a member may enter the catalogue"},
    [OPT_SHOP] = {"shop", "NAME", "the shop's name, which is the merchant of its redemptions"},
    [OPT_ADDRESS] = {"address", "URL", "the shop's address (https), where members are handed over to"},
    [OPT_PERMIT] = {"permit", "WORDS",
                    "what the shop may know of a member, with commas: member, status, programme"},
    [OPT_VALID_FROM] =
        {"valid-from", "TIME",
         "in force from then on (2026-01-31 or 2026-01-31 08:00, UTC); without it from the approval on"},
    [OPT_VALID_UNTIL] = {"valid-until", "TIME", "the catalogue closes then; without it it stays open"},
    [OPT_DAYS] = {"days", "N", "how long a token is good, 1 to 400 days; without it 90"},
    [OPT_PREFIX] = {"prefix", "TEXT", "what our references for the partner begin with; without it R"},
    [OPT_ROWS] = {"rows", "FIGURE", "the rows behind this figure, instead of the figures"},
    [OPT_AS_OF] = {"as-of", "DAY", "as it was at the end of this day (2026-01-31, UTC)"},
    [OPT_BY] = {"by", "WHAT", "how the report counts"},
    [OPT_MINIMUM_POINTS] = {"minimum-points", "POINTS", "a redemption of fewer points is refused (301)"},
    [OPT_AMOUNT] = {"amount", "WORD", "a stated amount that is not the points' value: ignore or check (301)"},
    [OPT_UNROUTED] = {"unrouted", "WORD", "a redemption that no route gives a partner: keep or refuse (301)"},
    [OPT_KEY] = {"key", "WORD", "an idempotency key with each redemption: optional or required (999)"},
    [OPT_CATEGORY] =
        {"category", "LIST",
         "only these transaction categories, with commas, as in 'Debit By Redemption,Redemption Reversal'"},
    [OPT_PROGRAMME] = {"programme", "CODE", "only this programme's"},
    [OPT_MEMBER] = {"member", "M", "only this member's"},
    [OPT_TYPE] = {"type", "N", "only redemptions of this transaction type, and what gave them back"},
    [OPT_POINTS_FROM] = {"points-from", "N", "only of so many points or more"},
    [OPT_POINTS_TO] = {"points-to", "N", "only of so many points or fewer"},
    [OPT_EVERY] = {"every", "PERIOD", "day, week (from Monday), month, quarter, year, or once"},
    [OPT_BEGINS_ON] = {"begins-on", "DAY",
                       "the day on which a month begins, 1 to 28: 15 for the 15th to the 14th; without it 1"},
    [OPT_EXPLAIN] =
        {"explain", NULL,
         "show for each field by what a wrong value would be seen, too, and a score of how much is"},
    [OPT_WIDE] = {"wide", NULL, "every column and every text whole, however wide the terminal is"},
    [OPT_MAIL] = {"mail", "LIST", "mail the report to these addresses, with commas, as an attachment"},
    [OPT_COLUMNS] = {"columns", "LIST", "these columns, with commas, in this order; without it all"},
};

/* sentences are broken where they are long, and nowhere else */
/* clang-format off */
const struct command commands[] = {
    {"files", "Inspect", "", 0, 0,
     OPT(OPT_PARTNER) | OPT(OPT_STATE) | OPT(OPT_FROM) | OPT(OPT_TO) | OPT(OPT_LIMIT) | OPT(OPT_ALL),
     "what was delivered, and what became of it",
     "Lists files, the newest first, with the number of their records by outcome.",
     "handbackctl files --partner SKYLINE --from 2026-01-01", run_files},
    {"show", "Inspect", "FILE", 1, 1,
     OPT(OPT_RECORDS) | OPT(OPT_RULES) | OPT(OPT_OUTCOME) | OPT(OPT_LIMIT) | OPT(OPT_ALL) | OPT(OPT_TABLE),
     "all that is known of one file",
     "Shows where a file came from, why it was refused, what its control totals said and what was "
     "counted, its records by outcome, what waits, and its audit head. FILE is its number, the beginning "
     "of its SHA-256 or its name.",
     "handbackctl show 12 --records --outcome held", run_show},
    {"explain", "Inspect", "REFERENCE", 1, 1, 0, "the whole story of one redemption or one record",
     "Shows what happened, in order of time: the debit, every answer of the partner with its file, "
     "record, byte range and the bytes themselves, what was decided and posted, holds, decisions of people, "
     "and the audit heads that cover it. REFERENCE is the external reference (UUID) of a redemption or of "
     "a reversal, our reference in the request, the partner's reference, a redemption's number, or "
     "FILE:RECORD.",
     "handbackctl explain 3f0e6f1c-9d0b-4a57-8b39-0f2f4c1d7e55\nhandbackctl explain 12:345", run_explain},
    {"holds", "Inspect", "", 0, 0,
     OPT(OPT_PARTNER) | OPT(OPT_REASON) | OPT(OPT_FILE) | OPT(OPT_ENDED) | OPT(OPT_LIMIT) | OPT(OPT_ALL) | OPT(OPT_TABLE),
     "open holds",
     "Lists open holds, the oldest first, and how many there are by reason and age. With --ended it lists "
     "those that are over, the newest first, with how they ended, when and by whom.",
     "handbackctl holds --reason points_mismatch\nhandbackctl holds --ended --partner SKYLINE", run_holds},
    {"hold show", "Inspect", "HOLD", 1, 1, OPT(OPT_TABLE), "everything that helps to decide a hold",
     "Shows what the partner said, with the bytes, what the ledger has, the redemptions that a record "
     "could mean where it was matched to none, and what people did about it so far.",
     "handbackctl hold show 12", run_hold_show},
    {"overdue", "Inspect", "", 0, 0, OPT(OPT_PARTNER) | OPT(OPT_LIMIT) | OPT(OPT_ALL),
     "unanswered redemptions, past their response SLA",
     "Lists them, the longest due first, by the terms that the last nightly run found in the profiles "
     "(answer_within): what the partner said last without deciding it (pending, or something that is held), "
     "or the file that shows that no response came. They are no breaks: nothing is posted for them, and nobody has to "
     "decide them; ask the partner.",
     "handbackctl overdue --partner SKYLINE", run_overdue},
    {"proposals", "Inspect", "", 0, 0, OPT(OPT_ALL), "what was proposed and waits for another person",
     "Lists proposals that nobody has answered; with --all, all of them.", "handbackctl proposals",
     run_proposals},
    {"source list", "Inspect", "", 0, 0, 0, "where files come from, and how the last poll went",
     "Lists the inbound directories and the partners' servers, with what the last poll found (files, "
     "nothing, or why it failed) and when the next one is.",
     "handbackctl source list", run_source_list},
    {"status", "Inspect", "", 0, 0, OPT(OPT_WATCH), "what the daemon is doing",
     "Asks the running handbackd over its control socket: sources, files in hand with their stage, "
     "backlog, workers, and what was done since it started; and the database, where this login may read it: "
     "open holds, and which files are late or come next. With --watch the picture is redrawn "
     "every second, until Ctrl-C.",
     "handbackctl status --watch", run_status},

    {"report", "Verify", "", 0, 0,
     OPT(OPT_PARTNER) | OPT(OPT_FILE) | OPT(OPT_FROM) | OPT(OPT_TO) | OPT(OPT_ALL) | OPT(OPT_WRITE) |
         OPT(OPT_TABLE),
     "the reconciliation report",
     "For each file: records in and their outcomes, points, control totals, reversals in the ledger, "
     "differences; totals by partner; files on hold and duplicate deliveries; open holds, what was rematched or resolved, which "
     "redemptions are unanswered past their response SLA and which expected files came or are missing. Without --from, --to, "
     "--file or --all it is of the last seven days. Everything comes from one snapshot. All sums are "
     "computed twice in unlike ways; when they differ there is no report, and the exit status is 5.",
     "handbackctl report --format html >report.html\nhandbackctl report --write", run_report},
    {"report roll-forward", "Verify", "", 0, 0,
     OPT(OPT_PARTNER) | OPT(OPT_FROM) | OPT(OPT_TO) | OPT(OPT_ROWS) | OPT(OPT_LIMIT) | OPT(OPT_ALL) | OPT(OPT_TABLE) | OPT(OPT_WRITE),
     "what was open, what came to it, what is open now",
     "For each partner, programme and currency: open items at the beginning of the period, debits, what was confirmed, "
     "what was reversed by a file, by people or by the application, corrections, and open items at the end, "
     "in points and in money. The end is compared with the ledger, counted in another way; a difference is a line of its own, and the "
     "exit status is 5. With --rows it lists the redemptions behind a figure. Without --from and --to it is of the last seven days.",
     "handbackctl report roll-forward --from 2026-01-01 --to 2026-01-31\n"
     "handbackctl report roll-forward --from 2026-01-01 --rows reversed_by_file --format csv", run_finance},
    {"report ageing", "Verify", "", 0, 0,
     OPT(OPT_PARTNER) | OPT(OPT_AS_OF) | OPT(OPT_BY) | OPT(OPT_ROWS) | OPT(OPT_LIMIT) | OPT(OPT_ALL) | OPT(OPT_TABLE) | OPT(OPT_WRITE),
     "open items by age, in points and money, and who they wait for",
     "For each partner, programme and currency: open redemptions by their age, 0 to 7, 8 to 30, 31 to 60, 61 to 90 days and over, "
     "those on hold, those past the SLA of their answer, and those in time; below, what is on hold by its owner. --by due counts days from "
     "the day on which an answer was due (the other is redeemed). --as-of shows how it was at the end of a day. --rows lists the "
     "redemptions behind a figure.",
     "handbackctl report ageing\nhandbackctl report ageing --as-of 2026-01-31 --rows over-90 --format csv", run_finance},
    {"report reasons", "Verify", "", 0, 0,
     OPT(OPT_PARTNER) | OPT(OPT_FROM) | OPT(OPT_TO) | OPT(OPT_ROWS) | OPT(OPT_LIMIT) | OPT(OPT_ALL) | OPT(OPT_TABLE) | OPT(OPT_WRITE),
     "why partners reject, and whether more than before",
     "For each partner: how much of what it answered it rejected, and for each of its codes, merchant and type how many records, points and "
     "money, against the time of the same length just before. --rows lists the records of a code. Without --from and "
     "--to it is of the last seven days.",
     "handbackctl report reasons --from 2026-01-01 --to 2026-01-31\nhandbackctl report reasons --partner SKYLINE --rows K02", run_finance},
    {"report deliveries", "Verify", "", 0, 0,
     OPT(OPT_PARTNER) | OPT(OPT_FROM) | OPT(OPT_TO) | OPT(OPT_ROWS) | OPT(OPT_LIMIT) | OPT(OPT_ALL) | OPT(OPT_TABLE) | OPT(OPT_WRITE),
     "which expected files came on time, late, or not at all",
     "For each partner, source and expected file: how many came on time and late, how many are missing and since when, and what came "
     "unexpected. --rows lists the deliveries behind a figure. Without --from and --to it is of the last seven days.",
     "handbackctl report deliveries --rows missing", run_finance},
    {"report decisions", "Verify", "", 0, 0,
     OPT(OPT_PARTNER) | OPT(OPT_FROM) | OPT(OPT_TO) | OPT(OPT_ROWS) | OPT(OPT_LIMIT) | OPT(OPT_ALL) | OPT(OPT_TABLE) | OPT(OPT_WRITE),
     "who decided what about holds, and that they were two",
     "What each person proposed, approved and rejected; how holds ended, by two people or by themselves; and each hold that people "
     "decided, with who proposed and who approved it. --rows lists those of one person. Without --from and --to it is of the last seven days.",
     "handbackctl report decisions --from 2026-01-01 --to 2026-01-31 --table decided --format csv", run_finance},
    {"report trend", "Verify", "", 0, 0,
     OPT(OPT_PARTNER) | OPT(OPT_FROM) | OPT(OPT_TO) | OPT(OPT_BY) | OPT(OPT_LIMIT) | OPT(OPT_ALL) | OPT(OPT_TABLE) | OPT(OPT_WRITE),
     "day by day: what is open, and is it more than yesterday",
     "For each day (--by week, month) and programme: points debited, confirmed, reversed and open, and how much more are open than the day "
     "before and a week before; for each partner files, records, rates and holds. As HTML with charts. Without --from and --to it is of the "
     "last seven days.",
     "handbackctl report trend\nhandbackctl report trend --by month --from 2025-01-01 --format html >trend.html", run_finance},
    {"report points", "Verify", "", 0, 0,
     OPT(OPT_PARTNER) | OPT(OPT_AS_OF) | OPT(OPT_ROWS) | OPT(OPT_LIMIT) | OPT(OPT_ALL) | OPT(OPT_TABLE) | OPT(OPT_WRITE),
     "points requests without an answer, by partner and age, with an owner",
     "For each partner, programme, age and owner: requests that were sent and are not answered, and of their points those of which it is not known "
     "whether they left us; below, the control accounts of the batches that are open. --as-of shows how it was at the end of a day. --rows lists the "
     "requests behind a figure.",
     "handbackctl report points\nhandbackctl report points --as-of 2026-01-31 --rows over-30 --format csv", run_finance},
    {"report month-end", "Verify", "MONTH", 1, 1, OPT(OPT_MAIL), "the month-end pack: every report of a month, in a directory of its own",
     "Writes roll-forward, ageing and points at the month's end, reasons, deliveries, decisions and trend below the report directory, each as HTML, JSON "
     "and CSV, from one snapshot; month-end.html, a title page and all of them, to be printed; month-end.xlsx, a workbook of all tables; HEAD, the audit head that `audit verify --head` takes; and MANIFEST.sha256 of all of them, by which "
     "`sha256sum -c` shows later that nothing was changed. The title page has who prepared, reviewed and signed the month (`handbackctl month-end`), and what has "
     "changed since. With --mail handbackd mails the workbook, up to 10 MiB; that is for the service's own user, to whom the spool belongs. When the roll-forward is not the ledger's, or open items by age are not what it ends "
     "with, nothing is written, and the exit status is 5.",
     "handbackctl report month-end 2026-01", run_month_end},
    {"month-end prepare", "Verify", "MONTH", 1, 1, OPT(OPT_WHY), "keep the figures of a month, to be reviewed and signed by others",
     "The figures are those of `handbackctl report roll-forward` for that month, as they are now; where they are not the ledger's, nothing is prepared (exit status 5). "
     "Who prepares, reviews and signs are three people: the database refuses one of them a second part. Each step is an event of the audit trail, whose head seals it. "
     "To prepare a month again begins from the first step.",
     "handbackctl month-end prepare 2026-01", run_month_end_prepare},
    {"month-end review", "Verify", "MONTH", 1, 1, OPT(OPT_WHY), "say that the prepared figures of a month were looked at",
     "By another person than the one who prepared them. Refused where a figure is another by now.", "handbackctl month-end review 2026-01", run_month_end_review},
    {"month-end sign", "Verify", "MONTH", 1, 1, OPT(OPT_WHY), "sign the reviewed figures of a month",
     "By a third person. Refused where a figure is another by now. `handbackctl report month-end` then has the names on its title page.", "handbackctl month-end sign 2026-01",
     run_month_end_sign},
    {"month-end show", "Verify", "MONTH", 1, 1, 0, "who prepared, reviewed and signed a month, and what has changed since",
     "Each step with the head of the audit trail that seals it, as `audit verify --head` takes it; and each figure that is another than the prepared one, as it was "
     "and as it is: then the exit status is 5.",
     "handbackctl month-end show 2026-01", run_month_end_show},
    {"transactions", "Verify", "", 0, 0,
     OPT(OPT_CATEGORY) | OPT(OPT_PROGRAMME) | OPT(OPT_PARTNER) | OPT(OPT_MEMBER) | OPT(OPT_TYPE) | OPT(OPT_MERCHANT) | OPT(OPT_STATE) |
         OPT(OPT_FROM) | OPT(OPT_TO) | OPT(OPT_POINTS_FROM) | OPT(OPT_POINTS_TO) | OPT(OPT_COLUMNS) | OPT(OPT_LIMIT) | OPT(OPT_ALL) |
         OPT(OPT_TABLE),
     "every movement of points, by category, member, merchant, type, state, day",
     "The ledger's entries, the oldest first, with the merchant, partner, type and state of the redemption that they are of. Categories: Credit By Accrual, "
     "Debit By Redemption, Redemption Reversal, Redemption Reinstatement, Credit By Correction. JSON and CSV have all of them, written while they are "
     "found. Everything comes from one snapshot. The sums are counted in another way, and members' balances are compared with all entries: where one of them differs, "
     "the exit status is 5. Without --from and --to it is of the last seven days.",
     "handbackctl transactions --category 'Debit By Redemption,Redemption Reversal' --merchant Plum\n"
     "handbackctl transactions --programme NORTHSTAR --from 2026-01-01 --to 2026-01-31 --format csv >january.csv", run_transactions},
    {"schedule add", "Verify", "NAME", 1, 1,
     OPT(OPT_EVERY) | OPT(OPT_BEGINS_ON) | OPT(OPT_FROM) | OPT(OPT_TO) | OPT(OPT_CATEGORY) | OPT(OPT_PROGRAMME) | OPT(OPT_PARTNER) | OPT(OPT_MEMBER) |
         OPT(OPT_TYPE) | OPT(OPT_MERCHANT) | OPT(OPT_STATE) | OPT(OPT_POINTS_FROM) | OPT(OPT_POINTS_TO) | OPT(OPT_COLUMNS) | OPT(OPT_MAIL),
     "have the nightly run write a report of transactions for each period",
     "The same report as `handbackctl transactions` with the same filters, for each day, week, month, quarter or year (UTC) once it is over, from the one in "
     "which --from lies (else today), or once for --from to --to. --format is csv (without it), json or xlsx. The files lie in the report directory as "
     "NAME-FIRST-to-LAST.csv; each is noted with its SHA-256, and notified once, with its sums and where it lies: that has no member's data. With --mail the file itself goes to up to 20 addresses, up to 10 MiB. Nights that "
     "were missed are caught up with.",
     "handbackctl schedule add redemptions --every month --begins-on 15 --category 'Debit By Redemption' --format xlsx \\\n"
     "    --mail finance@loyalty.example\n"
     "handbackctl schedule add january --every once --from 2026-01-01 --to 2026-01-31", run_schedule_add},
    {"schedule end", "Verify", "NAME", 1, 1, 0, "write no more reports of a schedule",
     "Periods that are over by now are still written. The name is never another schedule's: it is that of its reports.", "handbackctl schedule end redemptions",
     run_schedule_end},
    {"schedule list", "Verify", "", 0, 0, OPT(OPT_LIMIT) | OPT(OPT_ALL), "which reports are written by schedule, and up to when",
     "Those that go on first, with who added and who ended them.", "handbackctl schedule list", run_schedule_list},
    {"audit verify", "Verify", "", 0, 0, OPT(OPT_HEAD) | OPT(OPT_CHECKPOINTS),
     "check everything that was ever posted against its proof",
     "What handback-verify.timer calls. Walks the audit trail from its first head: rebuilds each head "
     "from the tables, each tree from outcomes, debits and reversals as the ledger has them now, hashes "
     "every kept file, and checks balances against entries. Names every difference exactly and ends "
     "with 5. That heads were cut off at the end, or the whole chain was rewritten, it finds by the signed "
     "checkpoints outside of the database (checkpoints.file), or by --head. Where its unit has the key it signs and "
     "appends the next one.",
     "handbackctl audit verify\n"
     "handbackctl audit verify --head 7:281505111d331abba9c68015419540bf4b5d2327467120b4fa3e5ce87f083393",
     run_audit_verify},
    {"audit head", "Verify", "", 0, 0, 0, "the last audit head",
     "Shows the number and the hash of the last head. Kept somewhere else, it proves later that nothing "
     "before it was changed or cut off.",
     "handbackctl audit head --json", run_audit_head},
    {"audit key", "Verify", "NAME FILE", 2, 2, 0, "make a key for checkpoints",
     "Makes a key that signs checkpoints, of a name that is yours alone (example.org/handback), writes the private one "
     "into FILE, which must not be there, and shows the verifier's, for checkpoints.verifiers. Whoever has FILE can sign "
     "another chain: only handback-verify's unit is to be given it.",
     "handbackctl audit key example.org/handback /etc/handback/secrets/checkpoint.key", run_audit_key},
    {"audit accept", "Verify", "DIFFERENCE WHY", 2, 2, 0, "say that a difference of audit verify is explained",
     "DIFFERENCE is what audit verify calls it. When another person has accepted it, too, audit verify lists it apart, with "
     "both reasons, and it is no difference any more; another change of the same row is another one. Nothing is put right by "
     "it, and of a chain that differs no checkpoint is signed.",
     "handbackctl audit accept 0f1e2d3c4b5a69788796a5b4c3d2e1f0 'restored by hand, see the minutes of May 3'", run_audit_accept},

    {"run", "Act", "", 0, 0, 0, "handle all files that are due, once, and end",
     "The exit status is 0 for clean, 3 for something held, 4 for failed.", "handbackctl run", run_run},
    {"nightly", "Act", "", 0, 0, OPT(OPT_PLAN),
     "what is done every night: files, rematches, deemed acceptance, reports",
     "What handback-nightly.timer calls. Prints its plan, then does it: handles the files that are due "
     "(asks the running handbackd, or does without one), judges which expected files came early, on time "
     "or late and which are missing, tries records again whose redemption was unknown and closes those that "
     "were unknown for too long, counts unanswered redemptions past their response SLA, deems accepted what a partner that lists "
     "its rejects has not rejected in time, writes the report of each day that has none, and removes kept copies that "
     "are older than `retention` says. Doing it twice changes nothing. With --json it is one document: {\"plan\": ..., "
     "\"done\": ...}; with --plan as well, the plan alone.",
     "handbackctl nightly --plan", run_nightly},
    {"try", "Act", "[FILE]", 0, 1,
     OPT(OPT_PARTNER) | OPT(OPT_HOLD) | OPT(OPT_PROFILE) | OPT(OPT_NAME) | OPT(OPT_LIMIT) | OPT(OPT_ALL) | OPT(OPT_TABLE) |
         OPT(OPT_DIFF),
     "parse and decide a file, and change nothing",
     "Shows what would become of each record if this file were delivered now, or if the file that --hold "
     "names were released now, with the bytes behind it. Nothing is posted, archived or kept. With --diff it shows what is not as it was expected, and ends "
     "with 5 when something differs: keep what is right as JSON, change the profile, and look again.",
     "handbackctl try ./SKYLINE_20260131.csv --partner SKYLINE\n"
     "handbackctl try ./SKYLINE_20260131.csv --partner SKYLINE --all --json >expected.json\n"
     "handbackctl try ./SKYLINE_20260131.csv --partner SKYLINE --diff expected.json\n"
     "handbackctl try --hold 14 --profile ./fixed.yaml", run_try},

    {"hold assign", "Resolve", "HOLD WHO", 2, 2, OPT(OPT_WHY), "give a hold to somebody to look into",
     "Notes who looks into it. Each of these commands is an audit event, under the login of "
     "the database session.",
     "handbackctl hold assign 12 alice --why 'knows the partner'", run_hold_assign},
    {"hold comment", "Resolve", "HOLD TEXT", 2, 2, 0, "say something about a hold",
     "Adds a comment to an open or an ended hold.",
     "handbackctl hold comment 12 'the partner says that both files are right'", run_hold_comment},
    {"hold propose", "Resolve", "DECISION [HOLD]...", 1, 10000,
     OPT(OPT_WHY) | OPT(OPT_REDEMPTION) | OPT(OPT_PARTNER) | OPT(OPT_REASON) | OPT(OPT_FILE) | OPT(OPT_YES) |
         OPT(OPT_VERDICT) | OPT(OPT_ACCEPT_DIFFERENCE),
     "propose what is to become of holds",
     "DECISION is confirm, reverse, reinstate, credit (what was reinstated, and is rejected again) or close; what was closed, and wrongly, is opened again by reopen and its "
     "number, and so is a file that was released and has not gone; a file on hold is released or closed: a "
     "release reads it again and decides it as if it came now, but for what it was held for. not_a_duplicate is said of "
     "a --file that was taken for a duplicate, and proposes to release it. Which holds: "
     "their numbers, or all open ones that --partner, --reason, --file and --verdict leave and of which "
     "the decision is possible; then it shows how many they are, and of how many points or records, how many are not "
     "among them and why, and asks. --why is required. A redemption of another programme "
     "than the record's is refused; of another member or other points it shows the difference, which is accepted by "
     "--accept-difference and shown to whoever approves. Nothing is posted until another person approves.",
     "handbackctl hold propose reverse 12 --why 'the partner confirmed by mail that it refused'\n"
     "handbackctl hold propose release 14 --why 'the partner means these 700 rejects'\n"
     "handbackctl hold propose close --reason unknown_reference --partner SKYLINE --why 'test traffic'\n"
     "handbackctl hold propose not_a_duplicate --file 17 --why 'the partner says the same again, and means it'",
     run_hold_propose},
    {"hold open", "Resolve", "HOLD", 1, 1, OPT(OPT_WHY), "open a hold for each record of a file that its partner called void",
     "HOLD is of the record that says so (file_void). Each record by which the void file still stands goes on hold, for file_void, "
     "too, so that many are decided in one proposal: those that it confirmed by reverse, those that it reversed by reinstate, "
     "and what is to stand by close. What it did not open is counted: what was settled otherwise since, what another file of the "
     "partner says, too, what was deemed accepted by it, and what was answered in parts or as a group, each of which is decided by HOLD and --redemption. It moves nothing by "
     "itself; said again, it goes on where it was stopped. --why is required.",
     "handbackctl hold open 12 --why 'the partner sent last week by mistake'\n"
     "handbackctl hold propose reverse --file 7 --reason file_void --why 'the partner sent last week by mistake'",
     run_hold_open},
    {"hold approve", "Resolve", "PROPOSAL", 1, 1, OPT(OPT_WHY), "do what another person proposed",
     "Posts what the decision posts, and ends its holds; released files are read "
     "again by the daemon, or by the next run. What is not open any more is left out, and listed. A large proposal "
     "is done in pieces, between which files of the partner are decided; said again, it goes on where it was stopped. "
     "The database refuses the one who proposed it.",
     "handbackctl hold approve 3", run_hold_approve},
    {"hold reject", "Resolve", "PROPOSAL", 1, 1, OPT(OPT_WHY), "end a proposal without doing it",
     "Its holds stay open. --why is required.",
     "handbackctl hold reject 3 --why 'the partner took it back'", run_hold_reject},

    {"web login", "Resolve", "", 0, 0, 0, "a link that opens the pages as you",
     "Makes a link that is good once, for five minutes, and only for the person of this login to the database: what is decided on the pages "
     "is decided by that person.",
     "handbackctl web login", run_web_login},

    {"credential add", "Callers", "CLIENT [PROGRAMME]", 1, 2,
     OPT(OPT_CALLS_PER_MINUTE) | OPT(OPT_POINTS_PER_DAY) | OPT(OPT_SCOPE) | OPT(OPT_SOURCE_NAME),
     "let an application call the redemption API",
     "Makes credentials for one programme and shows the secret, once: it is kept nowhere, only its hash. The application "
     "asks for tokens with them. With --source they are a partner's, who sends the files of that source by the API.",
     "handbackctl credential add shop NORTHSTAR --points-per-day 1000000", run_credential_add},
    {"credential rotate", "Callers", "CLIENT", 1, 1, 0, "give an application another secret",
     "Shows the new secret, once. All tokens that were given for the old one end at once.",
     "handbackctl credential rotate shop", run_credential_rotate},
    {"credential revoke", "Callers", "CLIENT", 1, 1, 0, "let an application call no more",
     "Ends the secret and all its tokens at once. `credential rotate` lets it in again.",
     "handbackctl credential revoke shop", run_credential_revoke},
    {"credential list", "Callers", "", 0, 0, OPT(OPT_LIMIT) | OPT(OPT_ALL), "who may call the redemption API",
     "Lists the credentials in force and those that were revoked; never a secret.",
     "handbackctl credential list", run_credential_list},
    {"credential bound", "Callers", "CLIENT", 1, 1, OPT(OPT_CALLS_PER_MINUTE) | OPT(OPT_POINTS_PER_DAY) | OPT(OPT_WHY),
     "change how much an application may ask and take",
     "What is not named stays; 0 takes a bound away. The secret stays, too; tokens that were given end at once, and the application asks "
     "for others. --why is required.",
     "handbackctl credential bound shop --points-per-day 2000000 --why 'the summer sale'", run_credential_bound},
    {"policy set", "Callers", "PROGRAMME", 1, 1,
     OPT(OPT_MINIMUM_POINTS) | OPT(OPT_AMOUNT) | OPT(OPT_UNROUTED) | OPT(OPT_KEY) | OPT(OPT_WHY),
     "say what a programme allows over the redemption API",
     "From the next redemption on. What is not named stays. --why is required; who set what stands in the audit trail.",
     "handbackctl policy set NORTHSTAR --minimum-points 500 --key required --why 'the terms of June'", run_policy_set},
    {"policy list", "Callers", "[PROGRAMME]", 0, 1, OPT(OPT_LIMIT) | OPT(OPT_ALL), "what programmes allow over the redemption API",
     "Lists the policies of each programme, or of one.", "handbackctl policy list", run_policy_list},
    {"route add", "Callers", "PROGRAMME TYPE PARTNER", 3, 3, OPT(OPT_MERCHANT) | OPT(OPT_PREFIX),
     "say which partner fulfils redemptions of a type",
     "From now on redemptions by the API of this transaction type (4 miles or points transfer, 5 hotel, 6 air, 19 charity, "
     "30 gift card, or one of the programme's own) get this partner and a reference by which its files can answer. A route "
     "that names the merchant goes before one that does not; of several the newest is taken.",
     "handbackctl route add NORTHSTAR 6 SKYLINE --merchant 'Skyline Air' --prefix SK", run_route_add},
    {"route end", "Callers", "ROUTE", 1, 1, 0, "end a route", "Redemptions that have its partner keep it.",
     "handbackctl route end 3", run_route_end},
    {"route list", "Callers", "", 0, 0, OPT(OPT_LIMIT) | OPT(OPT_ALL), "which partner fulfils what",
     "Lists the routes, those in force first.", "handbackctl route list", run_route_list},

    {"catalogue propose", "Catalogue", "PROGRAMME", 1, 1,
     OPT(OPT_RATE) | OPT(OPT_MINIMUM_BALANCE) | OPT(OPT_SHOP) | OPT(OPT_ADDRESS) | OPT(OPT_PERMIT) | OPT(OPT_VALID_FROM) |
         OPT(OPT_VALID_UNTIL) | OPT(OPT_WHY),
     "propose the catalogue's rate, threshold or shop",
     "What is not named stays as it is in the newest approved setting; only the validity is each proposal's own. --why is required. "
     "Nothing changes until another person approves; then it is for sessions that begin from then on.",
     "handbackctl catalogue propose NORTHSTAR --rate 100 --minimum-balance 500 --shop Plum \\\n    --address https://shop.example/enter --why 'the contract of May'\n"
     "handbackctl catalogue propose NORTHSTAR --rate 125 --why 'budget of the third quarter'", run_catalogue_propose},
    {"catalogue approve", "Catalogue", "SETTING", 1, 1, OPT(OPT_WHY), "put in force what another person proposed",
     "The database refuses the one who proposed it, and what was proposed before the settings changed.",
     "handbackctl catalogue approve 3", run_catalogue_approve},
    {"catalogue reject", "Catalogue", "SETTING", 1, 1, OPT(OPT_WHY), "end a proposal without doing it", "--why is required.",
     "handbackctl catalogue reject 3 --why 'the rate is another'", run_catalogue_reject},
    {"catalogue show", "Catalogue", "", 0, 0, OPT(OPT_LIMIT) | OPT(OPT_ALL), "the catalogue's settings, those in force first",
     "Lists what is in force, what waits for approval, and what was before, with who proposed and approved it.",
     "handbackctl catalogue show", run_catalogue_show},

    {"catalogue holds", "Catalogue", "", 0, 0, OPT(OPT_ENDED) | OPT(OPT_LIMIT) | OPT(OPT_ALL),
     "what the shop asked for and was refused, for a person to see to",
     "Lists orders that came again with other points, orders and refunds that are not exact, and refunds of less or more than the order took. "
     "Nothing of them moved points.",
     "handbackctl catalogue holds", run_catalogue_holds},
    {"catalogue close", "Catalogue", "HOLD", 1, 1, OPT(OPT_WHY), "say that a hold of the catalogue was seen to", "Moves no points. --why is required.",
     "handbackctl catalogue close 3 --why 'the shop refunded all of it'", run_catalogue_close},
    {"token rotate", "Catalogue", "PROGRAMME", 1, 1, OPT(OPT_SCOPE) | OPT(OPT_DAYS), "give the shop another token",
     "Shows the new token, once. --scope sso exchanges codes of members, --scope rate reads the rate, and neither does the other's. The token "
     "before it stays good until it expires or there is another one, so that the shop changes over without a failed call.",
     "handbackctl token rotate NORTHSTAR --scope sso", run_token_rotate},
    {"token key", "Catalogue", "PROGRAMME KEY", 2, 2, 0, "take the shop's key, which signs its webhooks",
     "KEY is the public key of Standard Webhooks, whpk_ and its base64 (Ed25519). The key before it stays good until there is another one. We hold "
     "nothing with which a webhook could be forged.",
     "handbackctl token key NORTHSTAR whpk_JFLfMHHqB46ug/9dFr7ZlIvwTDcxCHvZaYwNcC1P0mQ=", run_token_key},
    {"token list", "Catalogue", "", 0, 0, OPT(OPT_LIMIT) | OPT(OPT_ALL), "the shop's tokens, and when they expire",
     "Lists each generation with its state; never a token.", "handbackctl token list", run_token_list},

    {"points requests", "Points requests", "", 0, 0, OPT(OPT_PARTNER) | OPT(OPT_PROGRAMME) | OPT(OPT_STATE) | OPT(OPT_LIMIT) | OPT(OPT_ALL),
     "what was asked for by the API, and what became of it",
     "Lists points requests, the newest first. --state is refused, held, queued, sending, sent, unknown, differs, credited, reversed or reinstated.",
     "handbackctl points requests --state held\nhandbackctl points requests --partner SKYLINE --all --format csv", run_points_requests},
    {"points show", "Points requests", "PROGRAMME KEY", 2, 2, 0, "one request, and the calls that asked for it",
     "Shows whose points it takes, where it goes, in which batch it is and who looks after that; and each call that named its key, with the answer. "
     "handbackctl explain KEY tells its story.",
     "handbackctl points show NORTHSTAR 0065g00000abcDE/won/1", run_points_show},
    {"points batches", "Points requests", "", 0, 0, OPT(OPT_PARTNER) | OPT(OPT_PROGRAMME) | OPT(OPT_STATE) | OPT(OPT_LIMIT) | OPT(OPT_ALL),
     "what went to partners together, each with its control account",
     "Lists batches, the newest first, in points: requested is credited, reversed or open; it is closed when nothing is open. --state is open or closed.",
     "handbackctl points batches --state open", run_points_batches},
    {"points batch", "Points requests", "BATCH", 1, 1, OPT(OPT_LIMIT) | OPT(OPT_ALL) | OPT(OPT_TABLE), "one batch's control account and its requests",
     "Shows the account and each request, those without an answer first.", "handbackctl points batch 12 --all --format csv --table requests", run_points_batch},
    {"points unanswered", "Points requests", "", 0, 0, OPT(OPT_PARTNER) | OPT(OPT_PROGRAMME), "points that partners have not answered, by age, with an owner",
     "For each partner, programme, batch and day: requests that were sent and have no answer, the oldest first, with who looks after them.",
     "handbackctl points unanswered --format csv", run_points_unanswered},
    {"points questions", "Points requests", "", 0, 0, OPT(OPT_PARTNER) | OPT(OPT_PROGRAMME) | OPT(OPT_STATE) | OPT(OPT_LIMIT) | OPT(OPT_ALL),
     "what partners were asked: records that cannot be used, requests without an answer",
     "Lists the questions, the newest first, with when an answer is due. --state is waiting (the file has no place yet), asked, overdue or settled.",
     "handbackctl points questions --state overdue", run_points_questions},
    {"points assign", "Points requests", "BATCH WHO", 2, 2, OPT(OPT_WHY), "give a batch to somebody to look after",
     "Until then it is the one who proposed the partner's terms.", "handbackctl points assign 12 carol --why 'knows the partner'", run_points_assign},
    {"points partners", "Points requests", "", 0, 0, OPT(OPT_LIMIT) | OPT(OPT_ALL), "the terms of partners, and when their windows close",
     "Lists the terms in force, with what waits for the window.", "handbackctl points partners", run_points_partners},
    {"points terms", "Points requests", "PROGRAMME PARTNER [NAME=VALUE]...", 2, 20, OPT(OPT_WHY), "propose terms of a partner",
     "Terms: open, account (linked, stated, member), prefix, request_points, person_points, person_days, schedule, zone, target, file_after, holidays and days (lists, with "
     "commas). What is not named stays; an empty VALUE takes a bound away. --why is required. Nothing changes until another person approves.",
     "handbackctl points terms NORTHSTAR SKYLINE account=linked 'schedule=daily 18:00' zone=Asia/Kolkata \\\n    --why 'contract of May'", run_points_terms},
    {"points sponsors", "Points requests", "", 0, 0, OPT(OPT_LIMIT) | OPT(OPT_ALL), "the accounts that pay for requests of others",
     "Lists each sponsor in force with its cap, what it paid today (UTC), its balance, and what is held above the cap.", "handbackctl points sponsors",
     run_points_sponsors},
    {"points sponsor", "Points requests", "PROGRAMME SPONSOR ACCOUNT CAP [closed]", 4, 5, OPT(OPT_WHY), "propose a sponsor, or another cap",
     "ACCOUNT is the member whose balance pays, CAP what it pays in a day (UTC) without two people. --why is required.",
     "handbackctl points sponsor NORTHSTAR deals SPONSOR-7 250000 --why 'sales incentive'", run_points_sponsor},
    {"points release", "Points requests", "PROGRAMME KEY", 2, 2, OPT(OPT_WHY), "propose to let a request through that is above its sponsor's cap",
     "It takes no points until another person approves; rejected it is refused for good. --why is required.",
     "handbackctl points release NORTHSTAR 0065g00000abcDE/won/1 --why 'agreed with finance'", run_points_release},
    {"points proposals", "Points requests", "", 0, 0, OPT(OPT_LIMIT) | OPT(OPT_ALL), "what was proposed of partners, sponsors and requests",
     "Lists those that wait first, with what they would change.", "handbackctl points proposals", run_points_proposals},
    {"points approve", "Points requests", "PROPOSAL", 1, 1, OPT(OPT_WHY), "put in force what another person proposed",
     "The database refuses the one who proposed it, and what was proposed before another change of the same.", "handbackctl points approve 12",
     run_points_approve},
    {"points reject", "Points requests", "PROPOSAL", 1, 1, OPT(OPT_WHY), "end a proposal without doing it",
     "A request that it was about is refused. --why is required.", "handbackctl points reject 12 --why 'not this quarter'", run_points_reject},
    {"points links", "Points requests", "", 0, 0, OPT(OPT_PARTNER) | OPT(OPT_PROGRAMME) | OPT(OPT_LIMIT) | OPT(OPT_ALL), "accounts at partners to which points may go",
     "Lists the links in force, each with its proof.", "handbackctl points links --partner SKYLINE", run_points_links},
    {"points link", "Points requests", "PROGRAMME PARTNER ACCOUNT [MEMBER]", 3, 4, OPT(OPT_WHY), "link an account at a partner",
     "--why is its proof: the partner's answer, or who saw what. Without MEMBER it is of somebody who is no member.",
     "handbackctl points link NORTHSTAR SKYLINE SK1234567 NS10000074 --why 'validated by the partner: 4711'", run_points_link},
    {"points unlink", "Points requests", "PROGRAMME PARTNER ACCOUNT", 3, 3, OPT(OPT_WHY), "end the link of an account",
     "Nothing is sent to it any more. --why is required.", "handbackctl points unlink NORTHSTAR SKYLINE SK1234567 --why 'closed'", run_points_unlink},

    {"target add", "Targets", "NAME PROGRAMME CONNECTOR", 3, 3, 0, "name a system that is told what becomes of redemptions",
     "Keeps the connector, a file that says in which shape it is told (docs/connectors.md), under a name, for one programme, "
     "from now on; for a name that there is it keeps another connector. handback-outbox tells it.",
     "handbackctl target add crm NORTHSTAR fixtures/connectors/salesforce.yaml", run_target_add},
    {"target pause", "Targets", "NAME", 1, 1, OPT(OPT_WHY), "tell a system nothing for now",
     "What there is to tell waits, in order.", "handbackctl target pause crm --why 'the CRM moves'", run_target_pause},
    {"target resume", "Targets", "NAME", 1, 1, 0, "tell a paused or stopped system again",
     "Goes on where it was.", "handbackctl target resume crm", run_target_resume},
    {"target replay", "Targets", "NAME", 1, 1, OPT(OPT_FROM), "tell a system again what it refused, or what was recorded since a day",
     "Without --from what is held: each object is sent again, with all its tries. With it all since that day, and before it what the system was not told yet, which is never passed over. A system that has it takes it as what it has.", "handbackctl target replay crm --from 2026-01-31", run_target_replay},
    {"target status", "Targets", "", 0, 0, OPT(OPT_LIMIT) | OPT(OPT_ALL), "how far each system was told",
     "Shows each target with its state, its last delivery, what it did not take, and since when something waits.",
     "handbackctl target status", run_target_status},
    {"target held", "Targets", "NAME", 1, 1, OPT(OPT_LIMIT) | OPT(OPT_ALL), "what a system did not take, and why",
     "Lists each object that it refused, or did not take in twelve tries, with its last words and since when. It is told again by its next "
     "change, or by target replay.",
     "handbackctl target held crm", run_target_held},
    {"target parity", "Targets", "[NAME]", 0, 1, OPT(OPT_FROM) | OPT(OPT_LIMIT) | OPT(OPT_ALL), "what each system has of what it was told",
     "Shows each time that systems were asked what they have: how much was missing or otherwise than told, how much of it was told again, and "
     "what a person has to see to. handbackctl nightly begins one each night. With --from and NAME it begins one: what that system was told "
     "since that day is asked for again.",
     "handbackctl target parity crm\nhandbackctl target parity crm --from 2026-01-31", run_target_parity},
    {"target lint", "Targets", "CONNECTOR...", 1, 1000, 0, "check connectors",
     "Reports every mistake as file:line:column: path: message.",
     "handbackctl target lint fixtures/connectors/webhook.yaml", run_target_lint},
    {"target try", "Targets", "CONNECTOR REFERENCE", 2, 2, 0, "every request of a connector for a redemption, whole",
     "Shows what would be sent of the redemption, its member's balance and each line of its log, with URLs, headers and bodies, and what the target "
     "would be asked for; of a login the name of its credential alone. Sends nothing. CONNECTOR is a file, or the name of a target.",
     "handbackctl target try crm 12345678-9abc-4ef0-8234-56789abcdef0", run_target_try},
    {"target assign", "Targets", "NAME WHO", 2, 2, OPT(OPT_WHY), "give what a system has otherwise than told to somebody to look into",
     "Without it that is whoever named the target. handbackctl target parity lists it.",
     "handbackctl target assign crm alice --why 'knows the CRM'", run_target_assign},
    {"target show", "Targets", "CONNECTOR REFERENCE", 2, 2, 0, "the requests that would tell of a redemption",
     "Shows them as they would be sent now, and sends nothing. CONNECTOR is a file, or the name of a target.",
     "handbackctl target show crm 12345678-9abc-4ef0-8234-56789abcdef0", run_target_show},

    {"profile explain", "Configure", "PROFILE", 1, 1, OPT(OPT_TABLE), "what would be seen if a field were wrong",
     "For each field that a profile reads: by what a wrong value of it would be seen, and what happens then. The score says how much "
     "of each record is seen so: what is seen in part (as another word of the list is not) counts half.",
     "handbackctl profile explain skyline", run_profile_explain},
    {"profile infer", "Configure", "FILE", 1, 1, 0, "a first profile for a sample of a partner's file",
     "Looks at a sample and proposes a profile: how records are cut, columns with their types, what could be "
     "the key, which numbers of a header or trailer are counts or sums. Beside each line stands what it rests "
     "on (guess), and what only a person can say (decide). Of a large file it looks at the first 8 MiB.",
     "handbackctl profile infer ./answers_20260131.csv >partner.yaml", run_profile_infer},
    {"profile lint", "Configure", "PROFILE...", 1, 1000, OPT(OPT_EXPLAIN) | OPT(OPT_TABLE), "check profiles",
     "Reports every mistake as file:line:column: path: message, and warns of what a profile leaves open. "
     "PROFILE is a file, or the name of one in the profiles directory. --explain says of those that compile what `profile explain` does.",
     "handbackctl profile lint fixtures/profiles/skyline.yaml", run_profile_lint},
    {"profile read", "Configure", "PROFILE FILE", 2, 2, OPT(OPT_NAME), "what a profile makes of a file, without a database",
     "Prints each record, control total and refusal as a line, as docs/profiles.md has it. What is right can be kept as FILE.expected "
     "for `handbackctl profile test`.",
     "handbackctl profile read skyline ./SKYLINE_20260131.csv >skyline.cases/SKYLINE_20260131.csv.expected", run_profile_read},
    {"profile test", "Configure", "PROFILE...", 1, 1000, 0, "run the cases that stand beside profiles",
     "A profile NAME.yaml has its cases in NAME.cases: files, and for each what is expected of it as FILE.expected. Shows the "
     "first line that is not as expected, and ends with 5 when there is one.",
     "handbackctl profile test skyline", run_profile_test},
    {"profile show", "Configure", "PROFILE", 1, 1, OPT(OPT_TABLE), "how a profile reads files, as a table",
     "Shows each record type and field with where it stands, its type and what it means.",
     "handbackctl profile show skyline", run_profile_show},
    {"source probe", "Configure", "SOURCE", 1, 1, OPT(OPT_TOUCH), "what a partner's SFTP server offers",
     "Shows the server's host keys, algorithms, extensions and listing time, and the lines for the "
     "configuration. SOURCE is the name of a source, which is logged in to when its host key is the "
     "pinned one, or HOST[:PORT] of any server, to which nothing is sent. Compare the keys with what the "
     "partner gave you in another way.",
     "handbackctl source probe sftp.partner.example:22", run_source_probe},
    {"setup", "Configure", "[LOGIN=ROLE]...", 0, 100, OPT(OPT_YES), "make what a new site lacks: database, schema, logins, directories",
     "Makes what is not there yet, says what it made and how each is taken back, and leaves the rest as it is: the database that the "
     "configuration names, the schema, a login for each program with its roles, and the inbound directories of the sources. "
     "LOGIN=ROLE adds a person, as alice=operator (who decides) or carol=finance (who only reads); by peer authentication the login is "
     "called as the operating system's user. On a terminal it says first what it would make, asks who the people are where none is named, and "
     "goes on when it is told to; --yes, or no terminal, asks nothing. Run it as root, who becomes the server's superuser postgres for it, or as that user; a "
     "server elsewhere is named by --database, with a login that may make databases and roles.",
     "handbackctl setup alice=operator ben=operator carol=finance", run_setup},
    {"migrate", "Configure", "", 0, 0, 0, "bring the database to this version's schema",
     "Makes the schema in an empty database, in one transaction; applies to another the migrations that it has not "
     "had, each in its own; refuses when one "
     "that was applied has changed since. Runs as the owner of the schemas.",
     "handbackctl migrate --database 'dbname=handback user=postgres'", run_migrate},
    {"check", "Configure", "", 0, 0, 0, "check that everything handback needs is there",
     "Looks at the configuration, the profiles, the database with its schema, guards and settings, the inbound directories and those for "
     "answers, the spool and the report directory, secrets that everyone can read, clocks, sockets, the daemon and the units' drop-ins, and says of each whether it is as it should be and what to do where it is not.",
     "handbackctl check", run_check},
    {"complete", "Configure", "-- [WORD]...", 0, 100, 0, "what may come next on a command line, for shells",
     "The last WORD is what was typed of the next one, those before it stand before it; each line is a word that may come, a tab and what it "
     "is. It knows commands, options, partners, files, open holds, reasons, sources and profiles; completion for bash, zsh and fish asks it.",
     "handbackctl complete -- hold ''", run_complete},
    {NULL, NULL, NULL, 0, 0, 0, NULL, NULL, NULL, NULL},
};
/* clang-format on */
