/*
 * What we are talking to: how wide it is, whether it shows colours, whether a
 * progress bar is welcome.
 */
#ifndef HANDBACK_FINANCE_OUTPUT_TERMINAL_H
#define HANDBACK_FINANCE_OUTPUT_TERMINAL_H

#include <stdbool.h>
#include <stdint.h>

struct terminal {
	int width;     /* of stdout in columns; 0: no limit (not a terminal, and COLUMNS not set) */
	int height;    /* of stdout in lines */
	bool screen;   /* stdout is a terminal that a picture can be drawn on: TERM is not dumb */
	bool colour;   /* stdout is a terminal, NO_COLOR is not set, TERM is not dumb */
	bool progress; /* stderr is a terminal */
};

/* Looks at stdout, stderr and the environment, and makes character widths known (LC_CTYPE). */
void terminal_detect(struct terminal *ret);

enum ink { INK_PLAIN, INK_BOLD, INK_DIM, INK_GOOD, INK_WAIT, INK_BAD, INK_ACCENT };

/* The sequence that begins or ends an ink: "" without colour. */
const char *terminal_ink(const struct terminal *t, enum ink ink);
const char *terminal_plain(const struct terminal *t, enum ink ink);

/*
 * A bar on stderr for work that takes longer than half a second, redrawn at
 * most ten times a second; nothing at all where stderr is no terminal.
 */
struct progress {
	bool on;
	const char *what; /* "verifying" */
	const char *unit; /* "records" */
	int64_t total;
	int64_t started_ms;
	int64_t drawn_ms;
};
void progress_start(struct progress *p, const struct terminal *t, const char *what, const char *unit,
                    int64_t total);
void progress_at(struct progress *p, int64_t done);
void progress_end(struct progress *p); /* wipes the bar */

#endif
