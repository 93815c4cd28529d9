#include "parsers/decrypt/keyring.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/text.h"
#include "parsers/decrypt/key_file.h"

static bool
tell(char *why, size_t size, const char *what, const char *matter)
{
	snprintf(why, size, "%s: %s", what, matter);
	return false;
}

static bool
tell_error(char *why, size_t size, const char *what, gpgme_error_t error)
{
	char text[128], shown[TEXT_SHOWN_SIZE];

	gpgme_strerror_r(error, text, sizeof(text));
	return tell(why, size, what, text_show(shown, text, strlen(text)));
}

/* What GnuPG did not take of a file with so many keys, or NULL. */
static const char *
left_out(gpgme_import_result_t result, unsigned keys)
{
	if (result->considered >= 0 && (unsigned) result->considered < keys)
		return "GnuPG does not read all keys of the file";
	for (gpgme_import_status_t s = result->imports; s != NULL; s = s->next)
		if (s->result != 0)
			return "GnuPG cannot use a key of the file";
	if (result->no_user_id > 0 || result->not_imported > 0 || result->skipped_new_keys > 0)
		return "GnuPG cannot use a key of the file";
	return NULL;
}

bool
keyring_import(struct keyring *k, int fd, bool secret, char *why, size_t why_size)
{
	const char *what = secret ? "the private key" : "the signers' keys", *fault;
	gpgme_import_result_t result;
	gpgme_data_t keys;
	unsigned held;
	gpgme_error_t error;

	fault = key_file_fault(fd, &held);
	error = gpgme_data_new_from_fd(&keys, fd);
	if (error != 0)
		return tell_error(why, why_size, what, error);
	error = gpgme_op_import(k->gpg, keys);
	gpgme_data_release(keys);
	if (error != 0)
		return tell_error(why, why_size, what, error);
	result = gpgme_op_import_result(k->gpg);
	if (result == NULL || (secret ? result->secret_read : result->considered) == 0)
		return tell(why, why_size, what, fault != NULL ? fault : "there is none in the file");
	/* what was read and not taken in the agent did not take: it cannot be started, or has no memory or disk
	 */
	if (secret && result->secret_imported + result->secret_unchanged == 0)
		return tell(why, why_size, what,
		            fault != NULL
		                ? fault
		                : "GnuPG cannot take it in (is gpg-agent installed, and can it be started?)");
	if (!secret && result->imported + result->unchanged + result->new_signatures + result->new_sub_keys == 0)
		return tell(why, why_size, what, fault != NULL ? fault : "GnuPG cannot use any of them");
	gpgme_result_ref(result);
	fault = fault != NULL ? fault : left_out(result, held);
	*(secret ? &k->ours : &k->signers) = result;
	*(secret ? &k->ours_fault : &k->signers_fault) = fault;
	return true;
}

void
keyring_free(struct keyring *k)
{
	if (k->ours != NULL)
		gpgme_result_unref(k->ours);
	if (k->signers != NULL)
		gpgme_result_unref(k->signers);
	k->ours = k->signers = NULL;
}

static bool
came_with(gpgme_import_result_t result, const char *fingerprint)
{
	for (gpgme_import_status_t s = result == NULL ? NULL : result->imports; s != NULL; s = s->next)
		if (s->fpr != NULL && strcmp(s->fpr, fingerprint) == 0)
			return true;
	return false;
}

enum signer
keyring_signer(struct keyring *k, gpgme_signature_t signature, unsigned *ret_bits)
{
	enum signer signer = SIGNER_UNKNOWN;
	gpgme_key_t key;

	*ret_bits = 0;
	/* the signature names the subkey that made it */
	if (signature->fpr == NULL || gpgme_get_key(k->gpg, signature->fpr, &key, 0) != 0)
		return SIGNER_UNKNOWN;
	for (gpgme_subkey_t s = key->subkeys; s != NULL; s = s->next)
		if (s->fpr != NULL && strcmp(s->fpr, signature->fpr) == 0)
			*ret_bits = s->length;
	if (came_with(k->ours, key->fpr))
		signer = SIGNER_OURS;
	else if (came_with(k->signers, key->fpr))
		signer = SIGNER_THEIRS;
	gpgme_key_unref(key);
	return signer;
}

/* Does the agent still have a key of ours that opens? */
static bool
agent_answers(struct keyring *k)
{
	bool found = false;
	gpgme_key_t key;

	if (gpgme_op_keylist_start(k->gpg, NULL, 1) != 0)
		return false;
	while (gpgme_op_keylist_next(k->gpg, &key) == 0) {
		for (gpgme_subkey_t s = key->subkeys; s != NULL; s = s->next)
			found = found || (s->secret && s->can_encrypt);
		gpgme_key_unref(key);
	}
	gpgme_op_keylist_end(k->gpg);
	return found;
}

const char *
keyring_fault(struct keyring *k)
{
	if (k->ours == NULL)
		return NULL;
	if (k->ours_fault != NULL)
		return k->ours_fault;
	return agent_answers(k)
	           ? NULL
	           : "GnuPG's agent has no key that opens a file (was it ended, or does secret.asc hold "
	             "none?)";
}
