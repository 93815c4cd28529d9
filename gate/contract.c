/* The contract's four calls. */
#include <stdlib.h>
#include <string.h>

#include "gate/read.h"
#include "lib/base/text.h"
#include "lib/base/utf8.h"
#include "lib/json/json.h"

#define CUSTOMER 4 /* the only RelationType */
#define SCOPE_BYTES 1024

/* The key stands in a header, in the body, or in both. */
static const char *
take_key(struct asked *a, const char **ret_why)
{
	if (a->key != NULL && a->call.key != NULL && strcmp(a->key, a->call.key) != 0) {
		*ret_why = "the header and the body have unlike keys";
		return "999";
	}
	if (a->key != NULL)
		a->call.key = a->key;
	if (a->call.key != NULL && !body_text_ok(a->call.key, API_KEY_BYTES)) {
		*ret_why = "a key has 1 to 255 bytes of UTF-8";
		return "999";
	}
	return NULL;
}

/* What all calls of a member have. */
struct common {
	char *currency;
	int64_t relation_type;
};

static const char *
check_common(const struct asked *a, const struct common *c, const char **ret_why)
{
	if (a->member == NULL || a->member[0] == '\0')
		return wrong(ret_why, "RelationReference");
	if (c->currency != NULL && strcmp(c->currency, "DEFAULT") != 0)
		return wrong(ret_why, "TransactionCurrency is DEFAULT");
	if (c->relation_type != CUSTOMER)
		return wrong(ret_why, "RelationType is 4");
	return NULL;
}

/* Blanks of whatever script, and what is never shown: nothing that anybody can read. */
static bool
is_blank(const char *text)
{
	const char *end = text + strlen(text);
	uint32_t code;

	for (size_t n; text < end; text += n) {
		n = utf8_next(text, (size_t) (end - text), &code);
		if (n == 0 || (code != ' ' && code != 0xa0 && code != 0x1680 && (code < 0x2000 || code > 0x200a) &&
		               code != 0x202f && code != 0x205f && code != 0x3000 && !utf8_is_hidden(code)))
			return false;
	}
	return true;
}

/* One that is blank is none: the database says so in the order of its checks. */
static void
take_merchant(struct asked *a)
{
	if (a->merchant != NULL && is_blank(a->merchant))
		a->merchant[0] = '\0';
}

const char *
read_available(struct asked *a, const char **ret_why)
{
	struct common common = {.relation_type = 0};
	const struct body_field fields[] = {
	    {"RelationReference", BODY_TEXT, false, &a->member, API_MEMBER_BYTES},
	    {"TransactionCurrency", BODY_TEXT, false, &common.currency, 16},
	    {"RelationType", BODY_INTEGER, false, &common.relation_type, 0},
	    {"ProgramId", BODY_INTEGER, false, &a->call.programme, 0},
	};
	const char *code = read_body(a, fields, COUNT(fields), ret_why);

	if (code == NULL)
		code = check_common(a, &common, ret_why);
	free(common.currency);
	return code;
}

const char *
read_redeem(struct asked *a, const char **ret_why)
{
	struct common common = {.relation_type = 0};
	const struct body_field fields[] = {
	    {"RelationReference", BODY_TEXT, false, &a->member, API_MEMBER_BYTES},
	    {"Amount", BODY_DECIMAL, false, &a->amount, API_AMOUNT_BYTES},
	    {"Points", BODY_INTEGER, false, &a->call.points, 0},
	    {"MerchantName", BODY_TEXT, true, &a->merchant, API_MERCHANT_BYTES},
	    {"LoyaltyTxnType", BODY_INTEGER, false, &a->call.type, 0},
	    {"TransactionCurrency", BODY_TEXT, false, &common.currency, 16},
	    {"RelationType", BODY_INTEGER, false, &common.relation_type, 0},
	    {"ProgramId", BODY_INTEGER, false, &a->call.programme, 0},
	    {"_xoxo_api_client_idempotency", BODY_TEXT, true, &a->key, API_KEY_BYTES},
	};
	const char *code = read_body(a, fields, COUNT(fields), ret_why);

	if (code == NULL)
		code = check_common(a, &common, ret_why);
	if (code == NULL && (a->call.type < 1 || a->call.type > INT32_MAX))
		code = wrong(ret_why, "LoyaltyTxnType");
	free(common.currency);
	take_merchant(a);
	return code != NULL ? code : take_key(a, ret_why);
}

const char *
read_reverse(struct asked *a, const char **ret_why)
{
	const struct body_field fields[] = {
	    {"RelationReference", BODY_TEXT, false, &a->member, API_MEMBER_BYTES},
	    {"MerchantName", BODY_TEXT, true, &a->merchant, API_MERCHANT_BYTES},
	    {"ExternalReference", BODY_TEXT, false, &a->reference, API_REFERENCE_BYTES},
	    {"ProgramId", BODY_INTEGER, false, &a->call.programme, 0},
	    {"_xoxo_api_client_idempotency", BODY_TEXT, true, &a->key, API_KEY_BYTES},
	};
	const char *code = read_body(a, fields, COUNT(fields), ret_why);

	if (code == NULL && (a->member == NULL || a->member[0] == '\0'))
		code = wrong(ret_why, "RelationReference");
	if (code == NULL && (a->reference == NULL || !text_is_uuid(a->reference)))
		code = wrong(ret_why, "ExternalReference");
	take_merchant(a);
	return code != NULL ? code : take_key(a, ret_why);
}

/* A text that is ["LOGIN", member]: the token is for calls of this member alone. */
static bool
take_scope(struct asked *a, const char *scope)
{
	struct json *list = json_parse(scope);
	char number[JSON_PLAIN_SIZE];
	const char *word = json_plain(json_item(list, 0), number),
	           *member = json_plain(json_item(list, 1), number);

	if (json_count(list) == 2 && word != NULL && strcmp(word, "LOGIN") == 0 && member != NULL &&
	    member != number && member[0] != '\0' && strlen(member) <= API_MEMBER_BYTES)
		a->member = strdup(member);
	json_free(list);
	return a->member != NULL;
}

const char *
read_token(struct asked *a, const char **ret_why)
{
	char *grant = NULL, *scope = NULL;
	const struct body_field fields[] = {
	    {"grant_type", BODY_TEXT, false, &grant, 64},
	    {"client_id", BODY_TEXT, false, &a->client_id, API_CLIENT_BYTES},
	    {"client_secret", BODY_TEXT, false, &a->secret, API_SECRET_BYTES},
	    {"scope", BODY_TEXT, true, &scope, SCOPE_BYTES},
	};
	const char *code = read_body(a, fields, COUNT(fields), ret_why);

	if (code == NULL && strcmp(grant, "client_credentials") != 0)
		code = wrong(ret_why, "grant_type is client_credentials");
	if (code == NULL && (a->client_id[0] == '\0' || a->secret[0] == '\0'))
		code = wrong(ret_why, "client_id or client_secret");
	/* a token that may do more than was asked for would be a wrong answer */
	if (code == NULL && scope != NULL && scope[0] != '\0' && !take_scope(a, scope))
		code = wrong(ret_why, "scope is nothing, or the text of an array: LOGIN and a member");
	free(grant);
	free(scope);
	return code;
}
