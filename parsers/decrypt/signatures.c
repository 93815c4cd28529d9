#include "parsers/decrypt/signatures.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/text.h"

struct checking {
	struct keyring *keys;
	const struct openpgp_job *job;
	char *why;
	size_t why_size;
};

__attribute__((format(printf, 3, 4))) static enum openpgp_end
tell(struct checking *c, enum openpgp_end end, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(c->why, c->why_size, format, args);
	va_end(args);
	return end;
}

static enum openpgp_end
not_good(struct checking *c, gpgme_error_t error)
{
	char text[128], shown[TEXT_SHOWN_SIZE];

	gpgme_strerror_r(error, text, sizeof(text));
	return tell(c, OPENPGP_REFUSED, "the signature is not good: %s", text_show(shown, text, strlen(text)));
}

/* What a signature is made with that proves little, and is not allowed by name; NULL: nothing. */
static const char *
weakness(const struct openpgp_job *job, gpgme_signature_t s, unsigned bits)
{
	const bool by_size =
	    s->pubkey_algo == GPGME_PK_RSA || s->pubkey_algo == GPGME_PK_RSA_S || s->pubkey_algo == GPGME_PK_DSA;

	if (s->hash_algo == GPGME_MD_MD5)
		return "MD5, which anybody can forge";
	if (s->hash_algo == GPGME_MD_SHA1 && !job->weak_sha1)
		return "SHA-1 (openpgp: {weak: sha1} allows it)";
	if (s->hash_algo == GPGME_MD_RMD160 && !job->weak_ripemd160)
		return "RIPEMD-160 (openpgp: {weak: ripemd160} allows it)";
	if (by_size && bits < 2048 && !job->weak_keys)
		return "a key of fewer than 2048 bits (openpgp: {weak: short_keys} allows it)";
	return NULL;
}

static enum openpgp_end
no_signer(struct checking *c, bool ours)
{
	if (ours)
		return tell(c, OPENPGP_REFUSED, "the file is signed by our own key, and by nobody of the signers");
	if (c->keys->signers_fault != NULL)
		return tell(c, OPENPGP_FAILED,
		            "the file is signed by a key that is not there, but that may be ours: %s",
		            c->keys->signers_fault);
	return tell(c, OPENPGP_REFUSED, "the file is signed by nobody of the signers");
}

/* Every signature is good or a stranger's; where one is demanded, one is a signer's. */
enum openpgp_end
signatures_check(struct keyring *keys, const struct openpgp_job *job, gpgme_verify_result_t result, char *why,
                 size_t why_size)
{
	struct checking checking = {keys, job, why, why_size}, *c = &checking;
	bool good = false, others = false, ours = false;
	const char *weak = NULL;

	for (gpgme_signature_t s = result == NULL ? NULL : result->signatures; s != NULL; s = s->next) {
		gpgme_err_code_t code = gpgme_err_code(s->status);
		const char *weakness_of;
		enum signer signer;
		unsigned bits;

		others = true;
		if ((code != GPG_ERR_NO_ERROR && code != GPG_ERR_NO_PUBKEY) || s->wrong_key_usage)
			return not_good(c, s->status);
		if (code == GPG_ERR_NO_PUBKEY)
			continue;
		signer = keyring_signer(c->keys, s, &bits);
		if (signer == SIGNER_UNKNOWN && c->job->signature)
			return tell(c, OPENPGP_FAILED, "GnuPG does not say whose key signed the file");
		weakness_of = signer == SIGNER_THEIRS ? weakness(c->job, s, bits) : NULL;
		good = good || (signer == SIGNER_THEIRS && weakness_of == NULL);
		weak = weak != NULL ? weak : weakness_of;
		ours = ours || signer == SIGNER_OURS;
	}
	if (!c->job->signature || good)
		return OPENPGP_DONE;
	if (weak != NULL)
		return tell(c, OPENPGP_REFUSED, "the signature is made with %s", weak);
	return others ? no_signer(c, ours) : tell(c, OPENPGP_REFUSED, "the file is not signed");
}
