#include "lib/profile/checked/compared.h"

#include <string.h>

const char *const check_words[] = {"programme", "member",   "points",           "currency",
                                   "amount",    "merchant", "transaction_type", NULL};

uint32_t
check_of_word(const char *word)
{
	for (uint32_t i = 0; check_words[i] != NULL; i++)
		if (strcmp(check_words[i], word) == 0)
			return 1u << i;
	return 0;
}

static const struct {
	uint8_t target;
	uint32_t check, key;
} comparable[] = {
    {TARGET_MEMBER, CHECK_MEMBER, KEY_MEMBER},
    {TARGET_POINTS, CHECK_POINTS, KEY_POINTS},
    {TARGET_AMOUNT, CHECK_AMOUNT, KEY_AMOUNT},
    {TARGET_PROGRAMME, CHECK_PROGRAMME, 0},
    {TARGET_CURRENCY, CHECK_CURRENCY, 0},
    {TARGET_MERCHANT, CHECK_MERCHANT, KEY_MERCHANT},
    {TARGET_TRANSACTION_TYPE, CHECK_TRANSACTION_TYPE, 0},
};

uint32_t
compared_target(uint8_t target)
{
	for (size_t i = 0; i < sizeof(comparable) / sizeof(*comparable); i++)
		if (comparable[i].target == target)
			return comparable[i].check;
	return 0;
}

/* Do fields of `from` fill in records of `type`? */
static bool
fills_in(const struct record_type *from, const struct record_type *type)
{
	switch (from->role) {
	case ROLE_NAME:
		return true;
	case ROLE_HEADER:
		return from->level <= type->level;
	case ROLE_ADDENDUM:
		return type->role == ROLE_ENTRY;
	default:
		return from == type;
	}
}

static bool
states(const struct layout *l, const struct record_type *type, uint8_t target)
{
	for (uint16_t t = 0; t < l->types; t++)
		for (uint16_t f = 0; f < l->type[t].fields; f++)
			if (l->type[t].field[f].target == target && fills_in(&l->type[t], type))
				return true;
	return false;
}

/* What every key of match has: nothing is found without it. */
static uint32_t
in_each_key(const struct policy *p)
{
	uint32_t parts = p->keys > 0 ? UINT32_MAX : 0;

	for (int i = 0; i < p->keys; i++)
		parts &= p->key[i];
	return parts;
}

uint32_t
compared(const struct layout *l, const struct policy *p, const struct record_type *type)
{
	uint32_t found_by = in_each_key(p), ret = 0;

	for (size_t i = 0; i < sizeof(comparable) / sizeof(*comparable); i++)
		if (((p->checks & comparable[i].check) != 0 || (found_by & comparable[i].key) != 0) &&
		    states(l, type, comparable[i].target))
			ret |= comparable[i].check;
	return ret;
}

uint32_t
compared_at_all(const struct layout *l, const struct policy *p)
{
	uint32_t ret = 0;

	for (uint16_t t = 0; t < l->types; t++)
		if (l->type[t].role == ROLE_ENTRY || l->type[t].group_record != GROUP_RECORD_NO)
			ret |= compared(l, p, &l->type[t]);
	return ret;
}
