/*
 * What a profile makes of a file, for the tests of the shipped layouts.
 *
 *     parse_dump PROFILE FILE [NAME]           what comes out, as parse_text.h has it
 *     parse_dump --cuts PROFILE FILE [NAME]    the file cut at every byte
 *     parse_dump --flips PROFILE FILE [NAME]   every bit of it turned, one at a time
 *
 * NAME is what the file is called; without it, the last part of FILE's path.
 * The latter two print counts, and ranges of bytes where something passes:
 *
 *     cuts 308: 307 refused, 1 the same, 0 passed
 *     flips 2464: 2300 refused, 64 the same, 100 other values, 0 other verdicts
 */
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
	size_t first, last;
	bool any;
};

static void
range_end(struct ranges *r)
{
	if (!r->any)
		return;
	if (r->first == r->last)
		printf(" %zu", r->first);
	else
		printf(" %zu-%zu", r->first, r->last);
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
	*r = (struct ranges){at, at, true};
}

static bool
the_same(const struct parse_result *a, const struct parse_result *b)
{
	return a->records == b->records && a->money == b->money;
}

static void
cuts(const struct profile *profile, const char *name, const char *data, size_t len)
{
	struct parse_result whole, cut;
	size_t refused = 0, same = 0, passed = 0;
	struct ranges ranges = {0, 0, false};
	char *places = NULL;
	size_t size;
	FILE *out = open_memstream(&places, &size), *standard = stdout;

	parse_result(profile, name, data, len, &whole);
	stdout = out;
	for (size_t n = 0; n < len; n++) {
		/* a copy of the exact size, so that a byte too far is seen */
		char *copy = malloc(n + 1);

		if (copy == NULL)
			exit(2);
		memcpy(copy, data, n);
		parse_result(profile, name, copy, n, &cut);
		free(copy);
		if (cut.refused)
			refused++;
		else if (the_same(&whole, &cut))
			same++;
		else {
			passed++;
			range_add(&ranges, n);
		}
	}
	range_end(&ranges);
	fclose(out);
	stdout = standard;
	printf("cuts %zu: %zu refused, %zu the same, %zu passed%s%s\n", len, refused, same, passed,
	       passed > 0 ? " at" : "", places);
	free(places);
}

static void
flips(const struct profile *profile, const char *name, const char *data, size_t len)
{
	struct parse_result whole, flipped;
	size_t refused = 0, same = 0, values = 0, verdicts = 0;
	struct ranges ranges = {0, 0, false};
	char *places = NULL, *copy = malloc(len + 1);
	size_t size;
	FILE *out = open_memstream(&places, &size), *standard = stdout;

	if (copy == NULL)
		exit(2);
	memcpy(copy, data, len);
	parse_result(profile, name, data, len, &whole);
	stdout = out;
	for (size_t n = 0; n < len; n++)
		for (int bit = 0; bit < 8; bit++) {
			copy[n] = (char) (data[n] ^ 1 << bit);
			parse_result(profile, name, copy, len, &flipped);
			copy[n] = data[n];
			if (flipped.refused)
				refused++;
			else if (the_same(&whole, &flipped))
				same++;
			else if (flipped.records == whole.records && flipped.verdicts == whole.verdicts)
				values++;
			else {
				verdicts++;
				range_add(&ranges, n);
			}
		}
	range_end(&ranges);
	fclose(out);
	stdout = standard;
	printf("flips %zu: %zu refused, %zu the same, %zu other values, %zu other verdicts%s%s\n", len * 8,
	       refused, same, values, verdicts, verdicts > 0 ? " at" : "", places);
	free(places);
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
		fprintf(stderr, "usage: parse_dump [--cuts|--flips] PROFILE FILE [NAME]\n");
		return 2;
	}
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
		flips(profile, name, data, len);
	profile_free(profile);
	free(yaml);
	free(data);
	return 0;
}
