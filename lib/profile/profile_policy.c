/* How answers are judged: plain data for the reconciler. */
#include "lib/base/zone.h"
#include "lib/profile/checked/compared.h"
#include "lib/profile/profile_internal.h"
#include "lib/profile/file_name.h"

static const struct {
	const char *name;
	uint32_t part;
} key_parts[] = {
    {"external_reference", KEY_EXTERNAL_REFERENCE},
    {"outbound_reference", KEY_OUTBOUND_REFERENCE},
    {"partner_reference", KEY_PARTNER_REFERENCE},
    {"outbound_line", KEY_OUTBOUND_LINE},
    {"member", KEY_MEMBER},
    {"points", KEY_POINTS},
    {"date", KEY_DATE},
    {"amount", KEY_AMOUNT},
    {"merchant", KEY_MERCHANT},
    {"transaction_type", KEY_TRANSACTION_TYPE},
};

/* Does any entry, or what it inherits from or is completed by, have the field? */
static bool
has_field(const struct compile *c, const char *name)
{
	int slot = compile_find_slot(c, name);

	for (uint16_t t = 0; slot >= 0 && t < c->layout->types; t++)
		if (c->layout->type[t].by_slot != NULL && c->layout->type[t].by_slot[slot] >= 0)
			return true;
	return false;
}

/* "member + points + date" */
static uint32_t
match_key(struct compile *c, const struct yaml_node *n)
{
	uint32_t key = 0;
	const char *p = n->text;

	while (*p != '\0') {
		size_t len = strcspn(p, " +"), i;
		char name[32];

		snprintf(name, sizeof(name), "%.*s", (int) (len < 31 ? len : 31), p);
		for (i = 0; i < sizeof(key_parts) / sizeof(*key_parts); i++)
			if (strcmp(key_parts[i].name, name) == 0)
				break;
		if (i == sizeof(key_parts) / sizeof(*key_parts)) {
			if (has_field(c, name))
				yaml_error(c->problems, n,
				           "%s is a field of your own, and a redemption has nothing to compare it with: make "
				           "it part of a "
				           "reference, as in outbound_reference: {join: [%s, ...]}",
				           name, name);
			else
				yaml_error(c->problems, n,
				           "%s is no part of a match key (external_reference, outbound_reference, "
				           "partner_reference, outbound_line, member, points, date, amount, merchant, "
				           "transaction_type)",
				           name);
			return 0;
		}
		if (!has_field(c, name))
			yaml_error(c->problems, n, "%s: no record has this field", name);
		else if (key_parts[i].part == KEY_OUTBOUND_LINE && !has_field(c, "outbound_reference"))
			yaml_error(c->problems, n,
			           "outbound_line is a line of a message of ours: a record needs outbound_reference, "
			           "too, to say of which");
		key |= key_parts[i].part;
		p += len;
		p += strspn(p, " +");
	}
	return key;
}

static void
match_keys(struct compile *c)
{
	struct yaml_node *list = yaml_get(c->root, "match");
	struct yaml_node *n = compile_first(list);

	if (n == NULL)
		yaml_error(c->problems, c->root, "match is missing: the fields that name the redemption");
	for (; n != NULL; n = compile_next(list, n)) {
		uint32_t key;

		if (n->kind != YAML_SCALAR || c->policy->keys == POLICY_KEYS) {
			yaml_error(c->problems, n,
			           "must be at most %d keys, such as external_reference or member + points + date",
			           POLICY_KEYS);
			return;
		}
		key = match_key(c, n);
		if (key != 0)
			c->policy->key[c->policy->keys++] = key;
	}
}

uint32_t
policy_references(uint32_t key)
{
	uint32_t references = key & (KEY_EXTERNAL_REFERENCE | KEY_OUTBOUND_REFERENCE | KEY_PARTNER_REFERENCE);

	return (key & KEY_OUTBOUND_LINE) != 0 ? references | KEY_OUTBOUND_REFERENCE : references;
}

uint32_t
policy_stronger(const struct policy *policy, int i)
{
	uint32_t own = policy_references(policy->key[i]), stronger = 0;

	for (int k = 0; k < policy->keys; k++)
		if (k < i || own == 0)
			stronger |= policy_references(policy->key[k]);
	return stronger & ~own;
}

/* Within how many days of a record's date its redemption is looked for. */
static void
match_days(struct compile *c)
{
	struct policy *p = c->policy;
	bool used = false;

	p->match_days = (int32_t) compile_int(c, c->root, "match_days", 0, 3650, -1);
	for (int i = 0; i < p->keys; i++)
		used |= policy_references(p->key[i]) == 0 || (p->key[i] & KEY_DATE) != 0;
	if (p->match_days >= 0 && !used)
		yaml_error(c->problems, yaml_get(c->root, "match_days"),
		           "does nothing: no key of match has date, or is without a reference");
}

/* What a reference that nothing is known of leaves to do. */
static void
unknown_reference(struct compile *c)
{
	static const char *const words[] = {"hold", "weaker_key", NULL};
	const uint32_t ours = KEY_EXTERNAL_REFERENCE;
	struct policy *p = c->policy;
	bool falls = false;

	p->weaker_key = compile_word(c, c->root, "unknown_reference", words, 0) == 1;
	for (int i = 0; i < p->keys; i++)
		falls |= (policy_stronger(p, i) & ~ours) != 0;
	if (p->weaker_key && !falls)
		yaml_error(c->problems, yaml_get(c->root, "unknown_reference"),
		           "weaker_key does nothing: match has no key behind outbound_reference or partner_reference "
		           "(our external_reference is never left to a weaker key)");
}

static void
checks(struct compile *c)
{
	struct yaml_node *said = yaml_get(c->root, "check"), *list;
	bool none;

	c->policy->checks = CHECK_PROGRAMME | CHECK_MEMBER | CHECK_POINTS | CHECK_CURRENCY | CHECK_MERCHANT |
	                    CHECK_TRANSACTION_TYPE;
	none = said != NULL && said->kind == YAML_SCALAR && strcmp(said->text, "none") == 0;
	list = none ? NULL : compile_child(c, c->root, "check", YAML_LIST);
	if (list != NULL || none)
		c->policy->checks = 0;
	for (struct yaml_node *n = list == NULL ? NULL : list->first; n != NULL; n = n->next) {
		int word;

		if (yaml_word(c->problems, n, check_words, &word))
			c->policy->checks |= 1u << word;
	}
}

/* What may be told apart from the debit: something has to be read and compared, or it does nothing. */
static void
tolerance_of(struct compile *c, struct yaml_node *map, const char *field, uint32_t check,
             struct policy_tolerance *ret)
{
	char permille[32];

	snprintf(permille, sizeof(permille), "%s_permille", field);
	ret->most = compile_int(c, map, field, 0, INT64_MAX, -1);
	ret->permille = (int32_t) compile_int(c, map, permille, 0, 999, -1);
	if ((ret->most >= 0 || ret->permille >= 0) && (!has_field(c, field) || (c->policy->checks & check) == 0))
		yaml_error(c->problems, map, "%s does nothing: no record has this field, or check does not name it",
		           field);
}

static void
tolerance(struct compile *c)
{
	struct yaml_node *map = compile_child(c, c->root, "tolerance", YAML_MAP);

	tolerance_of(c, map, "points", CHECK_POINTS, &c->policy->points_tolerance);
	tolerance_of(c, map, "amount", CHECK_AMOUNT, &c->policy->amount_tolerance);
	compile_known(c, map, "tolerance");
}

/* A redemption that is answered in parts is found by what does not say how many points, and parts sum to its
 * points. */
static void
split(struct compile *c)
{
	static const char *const words[] = {"none", "partner_reference", "line", NULL};
	struct yaml_node *n = yaml_get(c->root, "split");
	struct policy *p = c->policy;
	bool found = false;

	p->split = (enum split) compile_word(c, c->root, "split", words, SPLIT_NONE);
	if (p->split == SPLIT_NONE)
		return;
	for (int i = 0; i < p->keys; i++)
		found |= (p->key[i] & (KEY_POINTS | KEY_AMOUNT)) == 0;
	if (!found && p->keys > 0)
		yaml_error(c->problems, n,
		           "needs a key of match without points and amount: a part has not those of its redemption");
	if (!has_field(c, "points") || (p->checks & CHECK_POINTS) == 0)
		yaml_error(c->problems, n,
		           "needs a field points, and points in check: parts sum to the points of the debit");
	if (p->split == SPLIT_REFERENCE && !has_field(c, "partner_reference"))
		yaml_error(c->problems, n, "needs a field partner_reference, which tells one part from another");
	if (p->points_tolerance.most >= 0 || p->points_tolerance.permille >= 0)
		yaml_error(c->problems, n,
		           "stands beside tolerance of points: parts sum to the debit, or are not whole");
}

/* A record of a group is found by a key that is this reference alone: more would tell its redemptions apart.
 */
static void
group(struct compile *c)
{
	static const char *const words[] = {"none", "outbound_reference", "partner_reference", NULL};
	static const uint32_t keys[] = {0, KEY_OUTBOUND_REFERENCE, KEY_PARTNER_REFERENCE};
	struct yaml_node *n = yaml_get(c->root, "group");
	struct policy *p = c->policy;
	int word = compile_word(c, c->root, "group", words, 0);

	for (int i = 0; word > 0 && i < p->keys && p->group == 0; i++)
		if (p->key[i] == keys[word])
			p->group = i + 1;
	if (word > 0 && p->group == 0)
		yaml_error(c->problems, n, "needs a key of match that is %s alone", words[word]);
	if (word > 0 && p->split != SPLIT_NONE)
		yaml_error(c->problems, n,
		           "stands beside split: a record answers several redemptions, or a part of one");
}

/* Records that replace earlier ones name them by what earlier records, and files, are known by. */
static void
corrections(struct compile *c)
{
	c->policy->corrections =
	    has_field(c, "replaces") || has_field(c, "replaces_file") || has_field(c, "replaces_record");
	if (has_field(c, "replaces") && !has_field(c, "record_id"))
		yaml_error(c->problems, c->root,
		           "a field replaces needs a field record_id: what is replaced is found by it");
	if (has_field(c, "replaces_record") && !has_field(c, "replaces_file"))
		yaml_error(c->problems, c->root,
		           "a field replaces_record needs a field replaces_file: of which file");
	if (has_field(c, "replaces_file") && !has_field(c, "sequence"))
		yaml_error(c->problems, c->root,
		           "a field replaces_file needs a field sequence, in a record or in file_name: files are "
		           "found by it");
}

const char *const reason_action_words[] = {"hold", "reverse", "accept", "retry", NULL};

static int
by_code(const void *a, const void *b)
{
	return strcmp(((const struct reason_rule *) a)->code, ((const struct reason_rule *) b)->code);
}

const struct reason_rule *
policy_reason(const struct policy *policy, const char *code, size_t len)
{
	size_t low = 0, high = policy->reasons;

	while (low < high) {
		size_t middle = (low + high) / 2, size = strlen(policy->reason[middle].code);
		int order = memcmp(policy->reason[middle].code, code, size < len ? size : len);

		if (order == 0 && size == len)
			return &policy->reason[middle];
		if (order < 0 || (order == 0 && size < len))
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

static bool
taxonomy_word(const char *text)
{
	return strspn(text, "abcdefghijklmnopqrstuvwxyz_0123456789") == strlen(text);
}

/* unknown_reason: hold, or {rejected: hold, accepted: accept}. */
static void
unknown_reason(struct compile *c)
{
	static const char *const accepted[] = {"hold", "accept", NULL};
	struct yaml_node *n = yaml_get(c->root, "unknown_reason");
	struct yaml_node *map = n != NULL && n->kind == YAML_MAP ? n : NULL;

	c->policy->unknown_reason = (enum reason_action) compile_word(c, map != NULL ? map : c->root,
	                                                              map != NULL ? "rejected" : "unknown_reason",
	                                                              reason_action_words, REASON_HOLD);
	c->policy->accepted_carries = map != NULL && compile_word(c, map, "accepted", accepted, 0) == 1;
	if (map != NULL)
		compile_known(c, map, "unknown_reason");
}

static void
reasons(struct compile *c)
{
	struct yaml_node *map = compile_child(c, c->root, "reasons", YAML_MAP);
	struct policy *p = c->policy;

	unknown_reason(c);
	p->no_reason =
	    (enum reason_action) compile_word(c, c->root, "no_reason", reason_action_words, REASON_REVERSE);
	p->reason = compile_alloc(c, compile_count(map) + 1, sizeof(*p->reason));
	for (struct yaml_node *n = map == NULL ? NULL : map->first; p->reason != NULL && n != NULL; n = n->next) {
		struct reason_rule *r = &p->reason[p->reasons++];

		n->used = true;
		r->code = compile_copy(c, n->key);
		r->means = "";
		if (n->kind != YAML_MAP) {
			yaml_error(c->problems, n, "must be as in {means: account_closed, action: reverse}");
			continue;
		}
		r->means = compile_text(c, n, "means", "");
		if (*r->means == '\0' || !taxonomy_word(r->means))
			yaml_error(c->problems, n, "needs means: our word for it, of a-z, 0-9 and _");
		r->action = (enum reason_action) compile_word(c, n, "action", reason_action_words, REASON_REVERSE);
		compile_known(c, n, "reasons.*");
	}
	if (p->reason != NULL)
		qsort(p->reason, p->reasons, sizeof(*p->reason), by_code);
}

static void
guard(struct compile *c)
{
	static const char *const of[] = {"file", "open_items", NULL};
	struct yaml_node *map = compile_child(c, c->root, "guard", YAML_MAP);
	struct yaml_node *history = compile_child(c, map, "history", YAML_MAP);

	c->policy->guard_rejects = compile_int(c, map, "rejects", 0, INT64_MAX, -1);
	c->policy->guard_points = compile_int(c, map, "points", 0, INT64_MAX, -1);
	c->policy->guard_share = (int32_t) compile_int(c, map, "share", 0, 100, -1);
	c->policy->guard_of = (enum guard_of) compile_word(c, map, "of", of, GUARD_OF_FILE);
	if (c->policy->guard_share < 0 && yaml_get(map, "of") != NULL)
		yaml_error(c->problems, yaml_get(map, "of"), "does nothing without share");
	if (history != NULL) {
		c->policy->guard_history_files = (int32_t) compile_int(c, history, "files", 5, 1000, 30);
		c->policy->guard_history_times = compile_int(c, history, "times", 1, 1000000, 3);
		compile_known(c, history, "guard.history");
	}
	c->policy->guard_unmatched = (int32_t) compile_int(c, map, "unmatched", 0, 100, 90);
	c->policy->guard_least = compile_int(c, map, "least", 0, INT64_MAX, 10);
	compile_known(c, map, "guard");
}

static void
acknowledges(struct compile *c)
{
	static const char *const what[] = {"", "rows", "whole", NULL};
	struct yaml_node *map = compile_child(c, c->root, "acknowledges", YAML_MAP);

	if (map == NULL)
		return;
	c->policy->acknowledges = (enum acknowledges) compile_word(c, map, "what", what, ACKNOWLEDGES_NOTHING);
	c->policy->acknowledged_within = (int32_t) compile_int(c, map, "within", 0, 366 * 24 * 60, 0);
	if (c->policy->acknowledges == ACKNOWLEDGES_NOTHING)
		yaml_error(c->problems, map, "needs what: rows or whole");
	else if (c->policy->acknowledges == ACKNOWLEDGES_WHOLE && !has_field(c, "original_message"))
		yaml_error(c->problems, map,
		           "whole needs a field original_message: the request file's name or number");
	compile_known(c, map, "acknowledges");
}

/* The ledger's words for a member's status. */
static void
hold_members(struct compile *c)
{
	static const char *const words[] = {"Active", "Inactive", "Suspended", "Blocked", "Cancelled", NULL};
	struct yaml_node *list = compile_child(c, c->root, "hold_members", YAML_LIST);
	char text[64] = "{";
	unsigned said = 0;

	for (struct yaml_node *n = list == NULL ? NULL : list->first; n != NULL; n = n->next) {
		int word;

		if (!yaml_word(c->problems, n, words, &word) || (said & 1u << word) != 0)
			continue;
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s", said != 0 ? "," : "", words[word]);
		said |= 1u << word;
	}
	snprintf(text + strlen(text), sizeof(text) - strlen(text), "}");
	if (said != 0)
		c->policy->hold_members = compile_copy(c, text);
}

/* What numbers and days of files can be. */
static void
sequence(struct compile *c)
{
	static const char *const resets[] = {"never", "daily", "monthly", "yearly", NULL};
	const int64_t most = INT64_C(1000000000000000000);
	struct yaml_node *map = compile_child(c, c->root, "sequence", YAML_MAP);

	c->policy->first_number = compile_int(c, map, "first", 0, most, 1);
	c->policy->resets = (enum resets) compile_word(c, map, "resets", resets, RESETS_NEVER);
	c->policy->number_after = compile_int(c, map, "after", 2, most, 0);
	c->policy->number_jump = compile_int(c, map, "jump", 1, INT64_MAX, 1000);
	c->policy->days_ahead = (int32_t) compile_int(c, map, "days_ahead", 0, 36500, 31);
	compile_known(c, map, "sequence");
	if (c->policy->resets != RESETS_NEVER && !has_field(c, "business_date"))
		yaml_error(
		    c->problems, yaml_get(map, "resets"),
		    "needs a field business_date, in a record or in file_name: the day that says of which period a "
		    "number is");
	if ((c->policy->resets != RESETS_NEVER || c->policy->number_after > 0) && !has_field(c, "sequence"))
		yaml_error(c->problems, map, "resets and after need a field sequence, in a record or in file_name");
	if (c->policy->number_after > 0 && c->policy->first_number > c->policy->number_after)
		yaml_error(c->problems, yaml_get(map, "after"), "must not be below first");
}

/* "mon-fri", "mon, wed": bit 0 is Monday. */
static uint8_t
days_of(struct compile *c, struct yaml_node *n)
{
	static const char names[] = "montuewedthufrisatsun";
	uint8_t days = 0;
	int first = -1;

	for (const char *p = n->text; *p != '\0';) {
		char day[4] = "";
		const char *at;

		snprintf(day, sizeof(day), "%.3s", p);
		at = strlen(day) == 3 ? strstr(names, day) : NULL;
		if (at == NULL || (at - names) % 3 != 0)
			break;
		for (int d = first < 0 ? (int) (at - names) / 3 : first;; d = (d + 1) % 7) {
			days = (uint8_t) (days | 1 << d);
			if (d == (int) (at - names) / 3)
				break;
		}
		p += 3;
		first = *p == '-' ? (int) (at - names) / 3 : -1;
		if (*p == '\0')
			return days;
		p += strspn(p, "-, ");
	}
	yaml_error(c->problems, n, "must be days as in mon-fri or mon, wed, sat");
	return 0;
}

/* The name of a list of days: a file beside the profile.  NULL: none. */
static const char *
holidays(struct compile *c, struct yaml_node *map, const char *absent)
{
	const char *name = compile_text(c, map, "holidays", absent);

	if (name == NULL || strcmp(name, "none") == 0)
		return NULL;
	if (*name == '\0' || strlen(name) > 100 ||
	    strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") != strlen(name))
		yaml_error(c->problems, yaml_get(map, "holidays"),
		           "must be the name of a list, NAME.holidays beside the profile, or none");
	return name;
}

static void
expected_file(struct compile *c, struct yaml_node *map, struct expected_file *e)
{
	struct yaml_node *due = compile_child(c, map, "due", YAML_SCALAR), *days = yaml_get(map, "days");
	struct yaml_node *grace = yaml_get(map, "grace");
	unsigned hour, minute;
	int64_t ms = 0;
	char end;

	e->name = compile_copy(c, map->key);
	e->zone = compile_text(c, map, "zone", c->policy->zone);
	if (!zone_known(e->zone))
		yaml_error(c->problems, map, "zone is no time zone of this machine");
	if (due == NULL || sscanf(due->text, "%2u:%2u%c", &hour, &minute, &end) != 2 || hour > 23 || minute > 59)
		yaml_error(c->problems, map, "needs due: a time in quotes, as in \"06:30\"");
	else
		e->due_minute = (int32_t) (hour * 60 + minute);
	e->days = days == NULL || days->kind != YAML_SCALAR ? 0x1f : days_of(c, days);
	if (grace != NULL && yaml_duration_ms(c->problems, grace, &ms))
		e->grace_minutes = (int32_t) (ms / 60000);
	e->count = (int32_t) compile_int(c, map, "count", 1, 10000, 1);
	e->days_back = (int32_t) compile_int(c, map, "days_back", 0, 366, 1);
	e->empty = compile_bool(c, map, "empty", false);
	e->names = compile_text(c, map, "names", NULL);
	if (e->names != NULL && *e->names == '\0')
		yaml_error(c->problems, yaml_get(map, "names"), "must be a pattern, as in DAILY_*.csv");
	e->holidays = holidays(c, map, c->policy->holidays);
	compile_known(c, map, "expected.*");
}

static void
expected(struct compile *c)
{
	struct yaml_node *map = compile_child(c, c->root, "expected", YAML_MAP);
	struct policy *p = c->policy;

	p->expected = compile_alloc(c, compile_count(map) + 1, sizeof(*p->expected));
	for (struct yaml_node *n = map == NULL ? NULL : map->first; p->expected != NULL && n != NULL;
	     n = n->next) {
		n->used = true;
		if (n->kind == YAML_MAP)
			expected_file(c, n, &p->expected[p->expected_files++]);
		else
			yaml_error(c->problems, n, "must be as in {due: \"06:30\", days: mon-fri, grace: 60m}");
	}
}

/* What is said of numbers, days and codes that no file of this profile has does nothing.  It is no mistake:
 * rules are copied from partner to partner. */
static void
warn_of_idle_rules(struct compile *c)
{
	static const struct {
		const char *map, *key, *field;
	} needs[] = {{"", "gap", "sequence"},
	             {"", "resubmission", "sequence"},
	             {"sequence", "first", "sequence"},
	             {"sequence", "resets", "sequence"},
	             {"sequence", "after", "sequence"},
	             {"sequence", "jump", "sequence"},
	             {"sequence", "days_ahead", "business_date"}};
	static const char *const of_reasons[] = {"reasons", "unknown_reason"};
	struct yaml_node *holidays = yaml_get(c->root, "holidays");

	for (size_t i = 0; i < sizeof(needs) / sizeof(*needs); i++) {
		struct yaml_node *map = *needs[i].map == '\0' ? c->root : yaml_get(c->root, needs[i].map);
		const struct yaml_node *n = yaml_get(map, needs[i].key);

		if (n != NULL && !has_field(c, needs[i].field))
			yaml_warn(c->problems, n, "does nothing: no record and no file_name has a field %s",
			          needs[i].field);
	}
	for (size_t i = 0; i < sizeof(of_reasons) / sizeof(*of_reasons) && !has_field(c, "reason"); i++)
		if (yaml_get(c->root, of_reasons[i]) != NULL)
			yaml_warn(c->problems, yaml_get(c->root, of_reasons[i]),
			          "does nothing: no record has a field reason");
	if (yaml_get(c->root, "gap") != NULL && has_field(c, "sequence") && c->policy->order_by != ORDER_SEQUENCE)
		yaml_warn(c->problems, yaml_get(c->root, "gap"), "does nothing without order_by: sequence");
	if (holidays != NULL && c->policy->answer_within == 0 && c->policy->expected_files == 0)
		yaml_warn(c->problems, holidays, "does nothing without answer_within or expected");
}

/* What a signature may be made with that proves little. */
static void
openpgp_weak(struct compile *c, struct yaml_node *map)
{
	static const char *const words[] = {"sha1", "ripemd160", "short_keys", NULL};
	struct policy_openpgp *o = &c->policy->openpgp;
	bool *const of[] = {&o->weak_sha1, &o->weak_ripemd160, &o->weak_keys};
	struct yaml_node *n = yaml_get(map, "weak");
	int word;

	for (struct yaml_node *at = compile_first(n); at != NULL; at = compile_next(n, at))
		if (yaml_word(c->problems, at, words, &word))
			*of[word] = true;
	if (n != NULL && !o->signature)
		yaml_error(c->problems, n, "does nothing without signature: yes");
}

static void
openpgp(struct compile *c)
{
	struct yaml_node *map = compile_child(c, c->root, "openpgp", YAML_MAP);
	struct policy_openpgp *o = &c->policy->openpgp;

	if (map == NULL)
		return;
	o->wanted = true;
	o->encrypted = compile_bool(c, map, "encrypted", true);
	o->signature = compile_bool(c, map, "signature", true);
	o->expansion = c->layout->limits.expansion;
	openpgp_weak(c, map);
	if (!o->encrypted && !o->signature)
		yaml_error(c->problems, map, "must be encrypted or have a signature, or both");
	compile_known(c, map, "openpgp");
}

void
compile_policy(struct compile *c)
{
	static const char *const lists[] = {"all", "rejects", "accepted", NULL};
	static const char *const hold_or_continue[] = {"hold", "continue", NULL};
	static const char *const late[] = {"hold", "reverse", NULL};
	static const char *const order[] = {"none", "sequence", "business_date", NULL};
	struct policy *p = c->policy;

	p->file_bytes = c->layout->limits.file_bytes;
	openpgp(c);
	match_keys(c);
	match_days(c);
	unknown_reference(c);
	checks(c);
	tolerance(c);
	split(c);
	group(c);
	corrections(c);
	p->lists = (enum lists) compile_word(c, c->root, "lists", lists, LISTS_ALL);
	c->layout->lists = lists[p->lists];
	p->late_reject = (enum late_reject) compile_word(c, c->root, "late_reject", late, LATE_REJECT_HOLD);
	p->gap = (enum hold_or_continue) compile_word(c, c->root, "gap", hold_or_continue, POLICY_HOLD);
	p->resubmission =
	    (enum hold_or_continue) compile_word(c, c->root, "resubmission", hold_or_continue, POLICY_HOLD);
	p->order_by = (enum order_by) compile_word(c, c->root, "order_by", order, ORDER_NONE);
	p->unknown_days = (int32_t) compile_int(c, c->root, "unknown_days", 0, 3650, 5);
	p->answer_within = (int32_t) compile_int(c, c->root, "answer_within", 0, 3650, 0);
	p->reversal_days = (int32_t) compile_int(c, c->root, "reversal_days", 0, 36500, 0);
	hold_members(c);
	p->holidays = holidays(c, c->root, NULL);
	guard(c);
	acknowledges(c);
	sequence(c);
	reasons(c);
	expected(c);
	warn_of_idle_rules(c);
	if (p->order_by == ORDER_SEQUENCE && !has_field(c, "sequence"))
		yaml_error(c->problems, yaml_get(c->root, "order_by"),
		           "needs a field sequence, in a record or in file_name");
	if (p->order_by == ORDER_BUSINESS_DATE && !has_field(c, "business_date"))
		yaml_error(c->problems, yaml_get(c->root, "order_by"),
		           "needs a field business_date, in a record or in file_name");
}
