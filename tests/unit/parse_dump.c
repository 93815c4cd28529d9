/*
 * What a profile makes of a file, for the tests of the shipped layouts.
 *
 *     parse_dump PROFILE FILE [NAME]           what comes out, as parse_text.h has it
 *     parse_dump --cuts PROFILE FILE [NAME]    the file cut at every byte
 *     parse_dump --turns PROFILE FILE [NAME]   every byte of it turned into others, one at a time
 *
 * NAME is what the file is called; without it, the last part of FILE's path.
 * The latter two print counts, and ranges of bytes where something passes:
 *
 *     cuts 308: 307 refused, 1 the same, 0 passed
 *     turns 13496: 12000 refused, 64 the same, 1400 seen at the ledger, 32 informational, 0 passed
 */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/parse_text.h"

static char *
read_file(const char *path, size_t *ret_len)
{
	FILE *f = fopen(path, "rb");
	size_t size = 1 << 20, len; /* one byte more for an end */
	char *data = malloc(size + 1);

	if (f == NULL || data == NULL) {
		perror(path);
		exit(2);
	}
	while ((len = fread(data, 1, size, f)) == size) {
		rewind(f);
		size *= 2;
		data = realloc(data, size + 1);
		if (data == NULL)
			exit(2);
	}
	fclose(f);
	*ret_len = len;
	return data;
}

/* Numbers told one by one, printed as ranges. */
struct ranges {
	FILE *out;
	size_t first, last;
	bool any;
};

static void
range_end(struct ranges *r)
{
	if (!r->any)
		return;
	if (r->first == r->last)
		fprintf(r->out, " %zu", r->first);
	else
		fprintf(r->out, " %zu-%zu", r->first, r->last);
	r->any = false;
}

static void
range_add(struct ranges *r, size_t at)
{
	if (r->any && at == r->last)
		return;
	if (r->any && at == r->last + 1) {
		r->last = at;
		return;
	}
	range_end(r);
	r->first = r->last = at;
	r->any = true;
}

/* How often what became of the file, and where something passed. */
struct tally {
	size_t of[FATES];
	struct ranges passed;
	char *places;
	size_t size;
	FILE *out;
};

static void
tally_begin(struct tally *t)
{
	*t = (struct tally){.places = NULL};
	t->out = open_memstream(&t->places, &t->size);
	t->passed.out = t->out;
}

static void
tally_add(struct tally *t, enum fate fate, size_t at)
{
	t->of[fate]++;
	if (fate == FATE_PASSED)
		range_add(&t->passed, at);
}

static void
tally_end(struct tally *t, const char *what)
{
	static const char *const words[FATES] = {"the same",           "refused",       "held",
	                                         "seen at the ledger", "informational", "passed"};
	static const enum fate order[] = {FATE_REFUSED, FATE_SAME,          FATE_HELD,
	                                  FATE_SEEN,    FATE_INFORMATIONAL, FATE_PASSED};
	size_t sum = 0;

	range_end(&t->passed);
	fclose(t->out);
	for (int i = 0; i < FATES; i++)
		sum += t->of[i];
	printf("%s %zu:", what, sum);
	for (int i = 0; i < FATES; i++)
		if (t->of[order[i]] > 0 || order[i] == FATE_PASSED)
			printf(" %zu %s%s", t->of[order[i]], words[order[i]], order[i] == FATE_PASSED ? "" : ",");
	printf("%s%s\n", t->of[FATE_PASSED] > 0 ? " at" : "", t->places);
	free(t->places);
}

static void
cuts(const struct profile *profile, const char *name, const char *data, size_t len)
{
	struct parse_result whole, cut;
	struct tally tally;

	tally_begin(&tally);
	parse_result(profile, name, data, len, &whole);
	for (size_t n = 0; n < len; n++) {
		/* a copy of the exact size, so that a byte too far is seen */
		char *copy = malloc(n + 1);

		if (copy == NULL)
			exit(2);
		memcpy(copy, data, n);
		parse_result(profile, name, copy, n, &cut);
		free(copy);
		tally_add(&tally, parse_fate(&whole, &cut), n);
	}
	tally_end(&tally, "cuts");
}

/* Every bit turned, and every digit and capital put in its place. */
static void
turns(const struct profile *profile, const char *name, const char *data, size_t len)
{
	static const char letters[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
	struct parse_result whole, turned;
	struct tally tally;
	char *copy = malloc(len + 1);

	if (copy == NULL)
		exit(2);
	tally_begin(&tally);
	memcpy(copy, data, len);
	parse_result(profile, name, data, len, &whole);
	for (size_t n = 0; n < len; n++)
		for (size_t i = 0; i < 8 + sizeof(letters) - 1; i++) {
			copy[n] = i < 8 ? (char) (data[n] ^ 1 << i) : letters[i - 8];
			if (copy[n] != data[n]) {
				parse_result(profile, name, copy, len, &turned);
				tally_add(&tally, parse_fate(&whole, &turned), n);
			}
			copy[n] = data[n];
		}
	tally_end(&tally, "turns");
	free(copy);
}

int
main(int argc, char **argv)
{
	const char *mode = argc > 1 && argv[1][0] == '-' ? argv[1] : NULL;
	char **arg = argv + (mode != NULL);
	struct profile *profile;
	char *yaml, *data;
	const char *name;
	size_t len;

	if (argc - (mode != NULL) < 3) {
		fprintf(stderr, "usage: parse_dump [--cuts|--turns] PROFILE FILE [NAME]\n");
		return 2;
	}
	/* thousands of runs: what one gives back the next one takes */
	mallopt(M_TRIM_THRESHOLD, 1 << 28);
	mallopt(M_MMAP_THRESHOLD, 1 << 24);
	yaml = read_file(arg[1], &len);
	yaml[len] = '\0';
	profile = must_compile(yaml);
	data = read_file(arg[2], &len);
	name = arg[3] != NULL ? arg[3] : strrchr(arg[2], '/') != NULL ? strrchr(arg[2], '/') + 1 : arg[2];
	if (mode == NULL) {
		char *text = parse_text(profile, name, data, len, 0);

		fputs(text, stdout);
		free(text);
	} else if (strcmp(mode, "--cuts") == 0)
		cuts(profile, name, data, len);
	else
		turns(profile, name, data, len);
	profile_free(profile);
	free(yaml);
	free(data);
	return 0;
}
