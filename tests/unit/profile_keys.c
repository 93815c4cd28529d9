/*
 * The profile language, for tests.
 *
 *     profile_keys              every key, one a line: where, key, what it takes
 *     profile_keys --where      the same: where, key, masks of formats and kinds, the key that it needs
 *     profile_keys PROFILE      mistakes and warnings
 *     profile_keys PROFILE FILE NAME   what the profile means: policy, limits, variants, and what comes of
 * the file
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/profile/layout.h"
#include "lib/profile/profile.h"
#include "tests/unit/parse_text.h"

#define SHOW(p, member) printf(#member "=%" PRId64 "\n", (int64_t) (p)->member)

static void
show_layout(const char *name, const struct layout *l)
{
	const struct layout_limits *m = &l->limits;

	printf("layout %s %d %s %d %s\n", name, l->format, l->encoding, l->utf16, l->zone);
	printf("limits %" PRId64 " %" PRId64 " %u %u %u %u %u %u %u\n", m->file_bytes, m->records,
	       m->record_bytes, m->field_bytes, m->columns, m->depth, m->attributes, m->attribute_bytes,
	       m->expansion);
	printf("framing %d %d %u %d %d %u %u %d\n", l->framing.kind, l->framing.newlines,
	       l->framing.record_length, l->framing.last_newline_required, l->framing.bom, l->framing.skip,
	       l->framing.multiple, l->framing.padding);
	for (uint16_t t = 0; t < l->types; t++)
		for (uint16_t f = 0; f < l->type[t].fields; f++)
			printf("field %s.%s %u %d %d\n", l->type[t].name, l->type[t].field[f].name, l->type[t].max,
			       l->type[t].field[f].hold_bad, l->type[t].field[f].number.zero);
	for (uint8_t i = 0; i < l->container.count; i++)
		printf("container %d %d %s %s\n", l->container.kind[i], l->container.several,
		       l->container.member == NULL ? "" : l->container.member,
		       l->container.ignore == NULL ? "" : l->container.ignore[0]);
}

static void
show_rejects(const struct policy_rejects *r)
{
	printf("rejects %s %d %d %d %d %s\n", r->name == NULL ? "" : r->name, r->header, r->always,
	       r->for_spreadsheet, r->delimiter, r->newline == NULL ? "" : r->newline);
	for (size_t i = 0; i < r->columns; i++)
		printf("column %d %s\n", (int) r->column[i], r->title[i] == NULL ? "" : r->title[i]);
}

static void
show_policy(const struct policy *p)
{
	printf("%s %s %s %s %s\n", p->partner, p->programme == NULL ? "" : p->programme, p->zone,
	       p->holidays == NULL ? "" : p->holidays, p->hold_members == NULL ? "" : p->hold_members);
	for (int i = 0; i < p->keys; i++)
		printf("key %u\n", p->key[i]);
	SHOW(p, match_days), SHOW(p, weaker_key), SHOW(p, checks), SHOW(p, points_tolerance.most);
	SHOW(p, points_tolerance.permille), SHOW(p, amount_tolerance.most), SHOW(p, amount_tolerance.permille);
	SHOW(p, acknowledges), SHOW(p, acknowledged_within), SHOW(p, split), SHOW(p, group), SHOW(p, lists),
	    SHOW(p, late_reject), SHOW(p, gap), SHOW(p, resubmission);
	SHOW(p, order_by), SHOW(p, unknown_days), SHOW(p, answer_within), SHOW(p, reversal_days),
	    SHOW(p, guard_rejects);
	SHOW(p, guard_points), SHOW(p, guard_share), SHOW(p, guard_of), SHOW(p, guard_history_files);
	SHOW(p, guard_history_times), SHOW(p, guard_least), SHOW(p, guard_unmatched), SHOW(p, first_number),
	    SHOW(p, resets);
	SHOW(p, number_after), SHOW(p, number_jump), SHOW(p, days_ahead), SHOW(p, unknown_reason),
	    SHOW(p, accepted_carries);
	SHOW(p, no_reason), SHOW(p, openpgp.wanted), SHOW(p, openpgp.encrypted), SHOW(p, openpgp.signature);
	SHOW(p, openpgp.weak_sha1), SHOW(p, openpgp.weak_ripemd160), SHOW(p, openpgp.weak_keys);
	for (size_t i = 0; i < p->reasons; i++)
		printf("reason %s %s %d\n", p->reason[i].code, p->reason[i].means, (int) p->reason[i].action);
	for (size_t i = 0; i < p->expected_files; i++) {
		const struct expected_file *e = &p->expected[i];
		printf("expected %s %s %d %d %d %d %d %d %s %s\n", e->name, e->zone, e->due_minute, e->days,
		       e->grace_minutes, e->count, e->days_back, e->empty, e->names == NULL ? "" : e->names,
		       e->holidays == NULL ? "" : e->holidays);
	}
	show_rejects(&p->rejects);
}

static char *
read_file(const char *path, size_t *ret_len)
{
	char *text = calloc(1, 1 << 20);
	FILE *f = fopen(path, "rb");

	*ret_len = 0;
	if (f != NULL && text != NULL)
		*ret_len = fread(text, 1, (1 << 20) - 1, f);
	if (f != NULL)
		fclose(f);
	return text;
}

/* Status 1 where it does not compile: then its problems are what is shown. */
static int
show_profile(const char *path, const char *file, const char *name)
{
	size_t len;
	char *text = read_file(path, &len), *data, *parsed;
	struct problems *problems = problems_new("profile.yaml");
	struct profile *profile = profile_compile(text, len, problems);

	for (size_t i = 0; problems_line(problems, i) != NULL && (profile == NULL || file == NULL); i++)
		puts(problems_line(problems, i));
	if (profile == NULL || file == NULL)
		return profile == NULL;
	printf("%s\n", profile->name);
	show_policy(&profile->policy);
	show_layout("", profile->layout);
	for (size_t i = 0; i < profile->variants; i++) {
		const struct profile_variant *v = &profile->variant[i];
		printf("variant %s %s %zu\n", v->name, v->rule.files == NULL ? "" : v->rule.files[0],
		       v->rule.beginnings);
		show_layout(v->name, v->layout);
	}
	data = read_file(file, &len);
	parsed = parse_text(profile, name, data, len, 0);
	fputs(parsed, stdout);
	free(parsed);
	free(data);
	profile_free(profile);
	problems_free(problems);
	free(text);
	return 0;
}

int
main(int argc, char **argv)
{
	bool where = argc > 1 && strcmp(argv[1], "--where") == 0;

	if (argc > 1 && !where)
		return show_profile(argv[1], argc > 3 ? argv[2] : NULL, argc > 3 ? argv[3] : NULL);
	for (const struct profile_option *o = profile_options; o->where != NULL; o++)
		if (where)
			printf("%s\t%s\t%d\t%d\t%s\n", o->where, o->key, o->formats, o->kinds,
			       o->with == NULL ? "" : o->with);
		else
			printf("%s\t%s\t%s\n", o->where, o->key, o->values);
	return 0;
}
