#include "parsers/decrypt/openpgp.h"

#include <errno.h>
#include <gpgme.h>
#include <locale.h>
#include <stdarg.h>
#include <unistd.h>

#include "lib/base/text.h"
#include "parsers/decrypt/whole.h"

enum { PASSPHRASE_BYTES = 1024 };

/* Where the content goes. */
struct out {
	int fd;
	int64_t left;
	bool too_long;
	int error; /* errno of a write */
};

struct opening {
	const struct openpgp_job *job;
	gpgme_ctx_t gpg;
	struct out out;
	char passphrase[PASSPHRASE_BYTES]; /* NUL-ended */
	bool asked;                        /* it was given once already, and was wrong */
	bool by_passphrase;                /* the file wants one, whoever has it */
	char *why;
	size_t why_size;
};

__attribute__((format(printf, 3, 4))) static enum openpgp_end
tell(struct opening *o, enum openpgp_end end, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(o->why, o->why_size, format, args);
	va_end(args);
	return end;
}

static enum openpgp_end
tell_error(struct opening *o, enum openpgp_end end, const char *what, gpgme_error_t error)
{
	char text[128], shown[TEXT_SHOWN_SIZE];

	gpgme_strerror_r(error, text, sizeof(text));
	return tell(o, end, "%s: %s", what, text_show(shown, text, strlen(text)));
}

/* ---- callbacks ---- */

static ssize_t
write_content(void *context, const void *bytes, size_t len)
{
	struct out *out = context;
	const char *p = bytes;
	size_t left = len;

	if ((int64_t) len > out->left) {
		out->too_long = true;
		errno = EFBIG;
		return -1;
	}
	out->left -= (int64_t) len;
	while (left > 0) {
		ssize_t n = write(out->fd, p, left);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			out->error = errno;
			return -1;
		}
		p += n;
		left -= (size_t) n;
	}
	return (ssize_t) len;
}

/* NEED_PASSPHRASE names the key first, by 16 hexadecimal digits; NEED_PASSPHRASE_SYM a cipher (GnuPG,
 * doc/DETAILS). */
static bool
is_for_a_key(const char *info)
{
	return info == NULL || strspn(info, "0123456789ABCDEF") == 16;
}

static gpgme_error_t
give_passphrase(void *context, const char *hint, const char *info, int was_bad, int fd)
{
	struct opening *o = context;
	size_t len = strlen(o->passphrase);

	(void) hint;
	if (!is_for_a_key(info)) {
		o->by_passphrase = true; /* nor does it get our key's */
		return gpgme_error(GPG_ERR_CANCELED);
	}
	if (was_bad || o->asked || len == 0)
		return gpgme_error(GPG_ERR_BAD_PASSPHRASE);
	o->asked = true;
	return gpgme_io_writen(fd, o->passphrase, len) != 0 || gpgme_io_writen(fd, "\n", 1) != 0
	           ? gpgme_error_from_errno(errno)
	           : 0;
}

/* ---- the keyring ---- */

static bool
read_passphrase(struct opening *o)
{
	size_t len = 0;

	if (o->job->passphrase < 0)
		return true;
	while (len + 1 < sizeof(o->passphrase)) {
		ssize_t n = read(o->job->passphrase, o->passphrase + len, sizeof(o->passphrase) - 1 - len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		len += (size_t) n;
	}
	o->passphrase[len] = '\0';
	o->passphrase[strcspn(o->passphrase, "\r\n")] = '\0';
	return o->passphrase[0] != '\0';
}

static enum openpgp_end
import(struct opening *o, int fd, bool secret)
{
	const char *what = secret ? "the private key" : "the signers' keys";
	gpgme_import_result_t result;
	gpgme_data_t keys;
	gpgme_error_t error;

	error = gpgme_data_new_from_fd(&keys, fd);
	if (error != 0)
		return tell_error(o, OPENPGP_FAILED, what, error);
	error = gpgme_op_import(o->gpg, keys);
	gpgme_data_release(keys);
	if (error != 0)
		return tell_error(o, OPENPGP_FAILED, what, error);
	result = gpgme_op_import_result(o->gpg);
	if (result == NULL || (secret ? result->secret_read : result->considered) == 0)
		return tell(o, OPENPGP_FAILED, "%s: there is none in the file", what);
	return OPENPGP_DONE;
}

static enum openpgp_end
open_keyring(struct opening *o)
{
	enum openpgp_end end = OPENPGP_DONE;
	gpgme_error_t error = gpgme_new(&o->gpg);

	if (error == 0)
		error = gpgme_ctx_set_engine_info(o->gpg, GPGME_PROTOCOL_OpenPGP, NULL, o->job->home);
	if (error == 0)
		error = gpgme_set_pinentry_mode(o->gpg, GPGME_PINENTRY_MODE_LOOPBACK);
	if (error != 0)
		return tell_error(o, OPENPGP_FAILED, "GnuPG cannot be used", error);
	gpgme_set_offline(o->gpg, 1); /* no key is ever looked for elsewhere */
	gpgme_set_passphrase_cb(o->gpg, give_passphrase, o);
	if (!read_passphrase(o))
		return tell(o, OPENPGP_FAILED, "the passphrase's file is empty");
	if (o->job->secret >= 0)
		end = import(o, o->job->secret, true);
	if (end == OPENPGP_DONE && o->job->signers >= 0)
		end = import(o, o->job->signers, false);
	return end;
}

/* ---- the file ---- */

/* Whose fault is it that the operation failed? */
static enum openpgp_end
judge_error(struct opening *o, gpgme_error_t error)
{
	if (o->out.too_long)
		return tell(o, OPENPGP_REFUSED, "the content is larger than limits: expansion or file_bytes");
	if (o->out.error != 0)
		return tell_error(o, OPENPGP_FAILED, "the content cannot be written",
		                  gpgme_error_from_errno(o->out.error));
	if (o->by_passphrase)
		return tell(o, OPENPGP_REFUSED, "the file is encrypted by a passphrase, and not for our key");
	switch ((int) gpgme_err_code(error)) { /* of some hundred, those that tell whose fault it is */
	case GPG_ERR_BAD_PASSPHRASE:
		return tell(o, OPENPGP_FAILED, "the private key's passphrase is wrong or missing");
	case GPG_ERR_ENOMEM:
	case GPG_ERR_ENOSPC:
	case GPG_ERR_EIO:
	case GPG_ERR_EMFILE:
	case GPG_ERR_NO_AGENT:
	case GPG_ERR_AGENT:
	case GPG_ERR_INV_ENGINE:
		return tell_error(o, OPENPGP_FAILED, "GnuPG failed", error);
	case GPG_ERR_NO_SECKEY:
		return tell(o, OPENPGP_REFUSED, "the file is encrypted for another key than ours");
	case GPG_ERR_NO_DATA:
		return tell(o, OPENPGP_REFUSED,
		            "the file is not OpenPGP, is cut off, or holds something besides its message");
	case GPG_ERR_BAD_DATA:
		return tell(o, OPENPGP_REFUSED, "the file is damaged, or holds something besides its message");
	default:
		return tell_error(o, OPENPGP_REFUSED, "the file cannot be opened", error);
	}
}

static enum openpgp_end
check_signatures(struct opening *o)
{
	gpgme_verify_result_t result = gpgme_op_verify_result(o->gpg);
	size_t good = 0, unknown = 0;

	for (gpgme_signature_t s = result == NULL ? NULL : result->signatures; s != NULL; s = s->next) {
		gpgme_err_code_t code = gpgme_err_code(s->status);
		if (code == GPG_ERR_NO_ERROR && !s->wrong_key_usage)
			good++;
		else if (code == GPG_ERR_NO_PUBKEY)
			unknown++;
		else
			return tell_error(o, OPENPGP_REFUSED, "the signature is not good", s->status);
	}
	if (!o->job->signature || good > 0)
		return OPENPGP_DONE;
	return tell(o, OPENPGP_REFUSED,
	            unknown > 0 ? "the file is signed by nobody of the signers" : "the file is not signed");
}

static enum openpgp_end
open_file(struct opening *o)
{
	struct gpgme_data_cbs callbacks = {.write = write_content};
	gpgme_decrypt_result_t decrypted;
	enum openpgp_end end;
	const char *besides;
	gpgme_data_t input, plain;
	gpgme_error_t error = gpgme_data_new_from_fd(&input, o->job->input);

	if (error != 0)
		return tell_error(o, OPENPGP_FAILED, "the file cannot be read", error);
	error = gpgme_data_new_from_cbs(&plain, &callbacks, &o->out);
	if (error != 0) {
		gpgme_data_release(input);
		return tell_error(o, OPENPGP_FAILED, "the content cannot be written", error);
	}
	error = o->job->encrypted ? gpgme_op_decrypt_verify(o->gpg, input, plain)
	                          : gpgme_op_verify(o->gpg, input, NULL, plain);
	gpgme_data_release(input);
	gpgme_data_release(plain);
	if (error != 0 || o->out.too_long || o->out.error != 0)
		return judge_error(o, error);
	decrypted = o->job->encrypted ? gpgme_op_decrypt_result(o->gpg) : NULL;
	if (decrypted != NULL && decrypted->legacy_cipher_nomdc)
		return tell(o, OPENPGP_REFUSED, "the encryption does not protect the content against changes");
	end = check_signatures(o);
	besides = end == OPENPGP_DONE ? whole_message(o->job->input) : NULL;
	return besides == NULL ? end : tell(o, OPENPGP_REFUSED, "%s", besides);
}

enum openpgp_end
openpgp_open(const struct openpgp_job *job, char *why, size_t why_size)
{
	struct opening o = {
	    .job = job, .out = {.fd = job->plain, .left = job->limit}, .why = why, .why_size = why_size};
	enum openpgp_end end;

	setlocale(LC_ALL, "C"); /* messages are ours, or English */
	if (gpgme_check_version("1.18.0") == NULL || gpgme_engine_check_version(GPGME_PROTOCOL_OpenPGP) != 0)
		return tell(&o, OPENPGP_FAILED, "GnuPG (gpg) is not installed");
	end = open_keyring(&o);
	if (end == OPENPGP_DONE)
		end = open_file(&o);
	gpgme_release(o.gpg);
	explicit_bzero(o.passphrase, sizeof(o.passphrase));
	return end;
}
