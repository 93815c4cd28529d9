/* A dry run: a file of somebody's, and what would become of it.  handback-try has it parsed and judged; here it is
 * bytes that are passed on, and nothing of it is kept. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/base/io.h"
#include "lib/base/limits.h"
#include "lib/finance/output/memory.h"
#include "lib/protocol/channel.h"
#include "lib/protocol/try_call.h"
#include "web/desk/choose.h"
#include "web/desk/pages.h"

void
page_try(const struct page_of *p)
{
	FILE *out = p->reply->out;

	frame_begin(p, "Dry run");
	page_put(out, "<p class=\"subtitle\">What would become of a file if it came now. Nothing is changed, and nothing of "
	              "it is kept.</p>\n");
	page_put(out,
	         "<form method=\"post\" action=\"/try\" enctype=\"multipart/form-data\" class=\"try\"><input "
	         "type=\"hidden\" name=\"form\" value=\"%t\">\n<label class=\"choose\">Choose a file, or drop it here "
	         "<input type=\"file\" name=\"file\" required></label>\n",
	         desk_form(p->desk));
	page_select(out, "source", "As a file of", p->desk->sources, NULL, "the source whose names fit");
	choose_partner(p, NULL);
	choose_programme(p);
	page_put(out, "<button type=\"submit\">Try</button></form>\n<p class=\"note\">Up to 2 MiB; <code>handbackctl "
	              "try</code> takes any.  Where no source has files of its name, a profile is inferred, for the partner and the programme.</p>\n");
	frame_end(p);
}

/* Says why there is no dry run, on a page. */
static void
refuse(const struct page_of *p, int64_t status, const char *sentence)
{
	frame_sentence(p, status, "Dry run", sentence);
}

/* The part of the page that handback-try made; -1: it does not answer. */
static int
ask(const struct page_of *p, int file, const struct try_file *what)
{
	static char line[MESSAGE_BYTES + 2];
	static struct message_line message;
	char why[LIMIT_MESSAGE_BYTES];
	int page = -1, turn = TRY_TURN_OPEN, fd = p->desk->try;
	size_t len;

	if (fd >= 0 && try_file_encode(&message, &turn, what) &&
	    channel_send(fd, message.text, message.length, file) == 0 &&
	    channel_receive(fd, line, sizeof(line), &len, &page) > 0 &&
	    try_done_decode(&turn, line, page >= 0, why, sizeof(why)) == TRY_DONE)
		return page;
	if (page >= 0)
		close(page);
	if (fd >= 0) /* out of step with it: until the next login there are no dry runs */
		close(fd);
	p->desk->try = -1;
	return -1;
}

static void
show(const struct page_of *p, int page)
{
	char *text = NULL;
	size_t len = 0;

	if (lseek(page, 0, SEEK_SET) != 0 || io_read_all(page, DESK_PAGE_BYTES, &text, &len) < 0) {
		refuse(p, 503, "What would become of it cannot be shown.");
		return;
	}
	frame_begin(p, "Dry run");
	page_put(p->reply->out, "<p class=\"subtitle\">%t: nothing was changed.</p>\n", p->request->file_name);
	fwrite(text, 1, len, p->reply->out); /* handback-try has escaped it */
	page_put(p->reply->out, "<p><a href=\"/try\">Another file</a></p>\n");
	frame_end(p);
	free(text);
}

/* A code as profiles have them; NULL: there is none. */
static const char *
code_of(const struct request *r, const char *name)
{
	const char *code = request_field(r, name);
	size_t len = code != NULL ? strspn(code, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-") : 0;

	return len > 0 && code[len] == '\0' ? code : NULL;
}

void
page_try_file(const struct page_of *p)
{
	const struct request *r = p->request;
	struct try_file what = {.source = request_field(r, "source"),
	                        .partner = code_of(r, "partner"),
	                        .programme = code_of(r, "programme")};
	int file, page;

	if (r->file == NULL || r->file_len > TRY_FILE_BYTES) {
		refuse(p, 400, r->file == NULL ? "No file was chosen, or it is empty." : "It is more than 2 MiB: handbackctl "
		                                                                         "try takes any.");
		return;
	}
	snprintf(what.name, sizeof(what.name), "%s", r->file_name);
	file = io_sealed("upload", r->file, r->file_len);
	page = file >= 0 ? ask(p, file, &what) : -1;
	if (file >= 0)
		close(file);
	if (page < 0) {
		refuse(p, 503, "handback-try does not answer, or takes too long over this file: log in again to try another.");
		return;
	}
	show(p, page);
	close(page);
}
