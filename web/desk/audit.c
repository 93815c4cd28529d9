/* The audit trail: the newest heads, what people and the service did, and the whole proof when it is asked for. */
#include <string.h>

#include "lib/finance/output/memory.h"
#include "lib/proof/verify/verify.h"
#include "web/desk/settings.h"
#include "web/desk/settings_sql.h"

#define VERIFY_RECORDS 400000 /* that are proven while somebody waits; more is for the command line */

static const struct column chain_columns[] = {
    {"head_no", "Heads of the chain", COLUMN_NUMBER, 0, 0, NULL},
    {"made", "Newest (UTC)", COLUMN_TIME, 0, 0, NULL},
    {"checked", "Hashed again just now", COLUMN_NUMBER, 0, 0, NULL},
    {"broken", "that are not as they were", COLUMN_ZERO, 0, 0, NULL},
    {"head_hash", "Hash of the newest", COLUMN_TEXT, 0, 0, NULL},
};
static const struct column event_columns[] = {
    {"event", "Event", COLUMN_NUMBER, 0, 0, NULL},     {"at", "At (UTC)", COLUMN_TIME, 0, 0, NULL},
    {"who", "Who", COLUMN_TEXT, 0, 0, NULL},           {"what", "What", COLUMN_WORD, 0, 0, NULL},
    {"subject", "Of", COLUMN_TEXT, 0, 0, NULL},        {"why", "Comment", COLUMN_SENTENCE, 0, 0, NULL},
    {"detail", "Detail", COLUMN_SENTENCE, 0, 0, NULL},
};

static const struct column verified_columns[] = {
    {"result", "Result", COLUMN_WORD, 0, 0, NULL},
    {"heads", "Heads", COLUMN_NUMBER, 0, 0, NULL},
    {"records", "Records", COLUMN_NUMBER, 0, 0, NULL},
    {"files", "Kept files hashed", COLUMN_NUMBER, 0, 0, NULL},
    {"bytes", "Bytes", COLUMN_NUMBER, 0, 0, NULL},
    {"purged", "Purged by retention", COLUMN_NUMBER, 0, 0, NULL},
    {"differences", "Differences", COLUMN_ZERO, 0, 0, NULL},
    {"accepted", "of them accepted by two people", COLUMN_NUMBER, 0, 0, NULL},
    {"head", "Newest head", COLUMN_NUMBER, 0, 0, NULL},
    {"hash", "Its hash", COLUMN_TEXT, 0, 0, NULL},
};
static const struct column found_columns[] = {
    {"difference", "Difference", COLUMN_TEXT, 0, 0, NULL},
    {"part", "Of", COLUMN_TEXT, 0, 0, NULL},
    {"file", "File", COLUMN_NUMBER, 0, 0, NULL},
    {"record", "Record", COLUMN_NUMBER, 0, 0, NULL},
    {"message", "What it is", COLUMN_SENTENCE, 0, 0, NULL},
    {"accepted", "Accepted", COLUMN_SENTENCE, 0, 0, NULL},
};

void
page_audit(const struct page_of *p)
{
	const char *before = request_field(p->request, "after"),
	           *values[] = {request_field(p->request, "who"), before};
	struct document *d = document_new("audit", "Audit");
	struct table *chain = document_add(d, "chain", NULL, TABLE_FACTS, COLUMNS(chain_columns)),
	             *events = document_add(d, "events", "What was done", TABLE_ROWS, COLUMNS(event_columns));
	int code = EXIT_CLEAN;

	table_empty(chain, "nothing was ever decided");
	table_empty(events, "nobody did anything");
	if (before != NULL && !frame_is_number(before)) {
		desk_say("That is no number.");
		code = EXIT_USAGE;
	}
	if (code == EXIT_CLEAN)
		code = query_fill(&p->desk->query, chain, settings_chain, 0, NULL);
	if (code == EXIT_CLEAN)
		code = query_fill(&p->desk->query, events, settings_events, 2, values);
	code = query_end(d, code, &d);
	if (frame_failed(p, code, d))
		return;
	if (frame_is_for_machines(p->request)) {
		frame_document(p, "Audit", frame_links, d);
		return;
	}
	frame_begin(p, "Audit");
	page_put(p->reply->out, "<form class=\"filter\" action=\"/audit\">\n");
	page_input(p->reply->out, "text", "who", "Who", values[0]);
	page_put(p->reply->out, "<button type=\"submit\">Show</button></form>\n");
	render_html_tables(p->reply->out, d, frame_links);
	frame_next(p, query_is_cut(&p->desk->query, events)
	                  ? table_cell(events, events->rows - 1, table_column(events, "event"))
	                  : NULL);
	frame_form(p, "/audit/verify", "decide");
	page_put(p->reply->out, "<button type=\"submit\">Verify now</button></form>\n"
	                        "<p class=\"note\">This page hashes the newest heads of the chain. The button "
	                        "proves all of them, down to every kept byte, as <code>handbackctl audit verify</code> "
	                        "does.</p>\n");
	frame_formats(p);
	frame_end(p);
	document_free(d);
}

/* ---- verify now ---- */

static void
add_difference(struct table *t, const struct verify_difference *f)
{
	char *file = f->file_id > 0 ? mem_format("%lld", (long long) f->file_id) : NULL,
	     *record = f->record_no > 0 ? mem_format("%lld", (long long) f->record_no) : NULL;
	const char *cells[] = {f->id, f->part, file, record, f->message, f->accepted ? f->accepted_by : NULL};

	table_row(t, cells);
	free(file);
	free(record);
}

static struct document *
tell(const struct verify *v, bool equal)
{
	struct document *d = document_new("verify", "Verify now");
	struct table *t = document_add(d, "verify", NULL, TABLE_TILES, COLUMNS(verified_columns)), *found;
	const int64_t counts[] = {v->counts.heads,  v->counts.records, v->counts.files,   v->counts.bytes,
	                          v->counts.purged, v->count,          v->accepted,       v->counts.head_no};
	char text[sizeof(counts) / sizeof(counts[0])][24];
	const char *cells[10] = {equal ? "ok" : "differs"};

	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		snprintf(text[i], sizeof(text[i]), "%lld", (long long) counts[i]);
		cells[i + 1] = text[i];
	}
	cells[9] = v->counts.head_hash;
	table_row(t, cells);
	found = document_add(d, "differences", "Differences", TABLE_ROWS, COLUMNS(found_columns));
	table_empty(found, "everything is as it was decided, and as it was kept");
	for (int64_t i = 0; i < v->count && i < VERIFY_KEPT; i++)
		add_difference(found, &v->found[i]);
	if (v->count > VERIFY_KEPT)
		table_note(found, mem_text("the first thousand; handbackctl audit verify counts all"));
	return d;
}

/* A page is waited for: a chain that is too long for that is proven elsewhere. */
static bool
is_short(const struct page_of *p)
{
	struct pg_result *r = NULL;
	enum pg_status status = pg_run(p->desk->query.pg, settings_verify_size, 0, NULL, &r);
	bool fits = status == PG_OK && pg_int(r, 0, 0) <= VERIFY_RECORDS;

	pg_result_free(r);
	if (status != PG_OK)
		frame_refused(p, status);
	else if (!fits)
		frame_sentence(p, 409, "Verify now",
		               "There are too many records for a page that is waited for: `handbackctl audit verify` "
		               "proves all of them, and the service does so each night.");
	return fits;
}

void
page_audit_verify(const struct page_of *p)
{
	struct verify v = {.pg = p->desk->query.pg,
	                   .spool = p->desk->query.spool,
	                   .sources = p->desk->sources,
	                   .source_count = p->desk->source_count};
	enum verify_end end = VERIFY_DATABASE;

	if (!is_short(p))
		return;
	v.status = pg_begin_snapshot(v.pg);
	if (v.status == PG_OK)
		end = verify_run(&v);
	if (end == VERIFY_EQUAL || end == VERIFY_DIFFERS) {
		struct document *d = tell(&v, end == VERIFY_EQUAL);

		frame_begin(p, "Verify now");
		render_html_tables(p->reply->out, d, frame_links);
		page_put(p->reply->out, "<p><a href=\"/audit\">Back to the audit trail</a></p>\n");
		frame_end(p);
		document_free(d);
	} else if (end == VERIFY_HIDDEN) {
		frame_sentence(p, 409, "Verify now", "The database does not show all that is compared to this person.");
	} else if (end == VERIFY_MEMORY) {
		frame_sentence(p, 503, "Verify now", "There is not enough memory: try again.");
	} else {
		frame_refused(p, v.status);
	}
	pg_rollback(v.pg);
	verify_free(&v);
}
