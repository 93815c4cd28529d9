#include "parsers/decrypt/openpgp.h"

#include <errno.h>
#include <gpgme.h>
#include <locale.h>
#include <stdarg.h>
#include <unistd.h>

#include "lib/base/text.h"
#include "parsers/decrypt/keyring.h"
#include "parsers/decrypt/signatures.h"
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
	struct keyring keys;
	struct out out;
	char passphrases[PASSPHRASE_BYTES]; /* one a line, each NUL-ended, and an empty one behind the last */
	const char *passphrase;             /* that is tried now */
	char asked[TEXT_SHOWN_SIZE];        /* for the key that it was given for last */
	bool by_passphrase;                 /* the file wants one, whoever has it */
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
	char key[TEXT_SHOWN_SIZE];

	(void) hint;
	if (!is_for_a_key(info)) {
		o->by_passphrase = true; /* nor does it get our key's */
		return gpgme_error(GPG_ERR_CANCELED);
	}
	/* each of our keys may ask for it, once */
	snprintf(key, sizeof(key), "%s", info != NULL ? info : "");
	if (was_bad || len == 0 || (o->asked[0] != '\0' && strcmp(o->asked, key) == 0))
		return gpgme_error(GPG_ERR_BAD_PASSPHRASE);
	memcpy(o->asked, key, sizeof(o->asked));
	return gpgme_io_writen(fd, o->passphrase, len) != 0 || gpgme_io_writen(fd, "\n", 1) != 0
	           ? gpgme_error_from_errno(errno)
	           : 0;
}

/* ---- keys ---- */

/* One a line: keys of ours that follow each other may have unlike ones. */
static bool
read_passphrases(struct opening *o)
{
	size_t len = 0, used = 0;
	bool line = false;

	if (o->job->passphrase < 0)
		return true;
	while (len + 2 < sizeof(o->passphrases)) {
		ssize_t n = read(o->job->passphrase, o->passphrases + len, sizeof(o->passphrases) - 2 - len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		len += (size_t) n;
	}
	for (size_t i = 0; i < len; i++) {
		bool end = o->passphrases[i] == '\r' || o->passphrases[i] == '\n' || o->passphrases[i] == '\0';
		if (!end || line)
			o->passphrases[used++] = end ? '\0' : o->passphrases[i];
		line = !end;
	}
	memset(o->passphrases + used, 0, sizeof(o->passphrases) - used);
	return used > 0;
}

static enum openpgp_end
open_keyring(struct opening *o)
{
	gpgme_error_t error = gpgme_new(&o->keys.gpg);

	if (error == 0)
		error = gpgme_ctx_set_engine_info(o->keys.gpg, GPGME_PROTOCOL_OpenPGP, NULL, o->job->home);
	if (error == 0)
		error = gpgme_set_pinentry_mode(o->keys.gpg, GPGME_PINENTRY_MODE_LOOPBACK);
	if (error != 0)
		return tell_error(o, OPENPGP_FAILED, "GnuPG cannot be used", error);
	gpgme_set_offline(o->keys.gpg, 1); /* no key is ever looked for elsewhere */
	gpgme_set_passphrase_cb(o->keys.gpg, give_passphrase, o);
	if (!read_passphrases(o))
		return tell(o, OPENPGP_FAILED, "the passphrase's file is empty");
	return (o->job->secret < 0 || keyring_import(&o->keys, o->job->secret, true, o->why, o->why_size)) &&
	               (o->job->signers < 0 ||
	                keyring_import(&o->keys, o->job->signers, false, o->why, o->why_size))
	           ? OPENPGP_DONE
	           : OPENPGP_FAILED;
}

/* ---- the file ---- */

/* No key of ours opens it: theirs only where ours are all there. */
static enum openpgp_end
judge_keys(struct opening *o)
{
	const char *fault = keyring_fault(&o->keys);

	return fault == NULL
	           ? tell(o, OPENPGP_REFUSED, "the file is encrypted for another key than ours")
	           : tell(o, OPENPGP_FAILED, "no key of ours opens the file, but that may be ours: %s", fault);
}

/* Whose fault is it that the operation failed?  What GnuPG read of the file is the file's; what the machine
 * refused it is ours. */
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
	if ((gpgme_err_code(error) & GPG_ERR_SYSTEM_ERROR) != 0) /* an errno: memory, processes, disk, sockets */
		return tell_error(o, OPENPGP_FAILED, "GnuPG failed", error);
	switch ((int) gpgme_err_code(error)) { /* of some hundred, those that tell whose fault it is */
	case GPG_ERR_BAD_PASSPHRASE:
		return tell(o, OPENPGP_FAILED, "the private key's passphrase is wrong or missing");
	case GPG_ERR_NO_AGENT:
	case GPG_ERR_AGENT:
	case GPG_ERR_INV_ENGINE:
	case GPG_ERR_NO_ENGINE:
	case GPG_ERR_ENGINE_TOO_OLD:
	case GPG_ERR_TIMEOUT:
	case GPG_ERR_CANCELED:
	case GPG_ERR_RESOURCE_LIMIT:
		return tell_error(o, OPENPGP_FAILED, "GnuPG failed", error);
	case GPG_ERR_NO_SECKEY:
		return judge_keys(o);
	case GPG_ERR_NO_DATA:
		return tell(o, OPENPGP_REFUSED,
		            "the file is not OpenPGP, is cut off, or holds something besides its message");
	case GPG_ERR_BAD_DATA:
		return tell(o, OPENPGP_REFUSED, "the file is damaged, or holds something besides its message");
	default:
		return tell_error(o, OPENPGP_REFUSED, "the file cannot be opened", error);
	}
}

/* ---- the file ---- */

static gpgme_error_t
run(struct opening *o, gpgme_data_t input, gpgme_data_t plain)
{
	o->asked[0] = '\0';
	return o->job->encrypted ? gpgme_op_decrypt_verify(o->keys.gpg, input, plain)
	                         : gpgme_op_verify(o->keys.gpg, input, NULL, plain);
}

/* With each passphrase, until one opens it. */
static gpgme_error_t
run_each(struct opening *o)
{
	struct gpgme_data_cbs callbacks = {.write = write_content};
	gpgme_error_t error = 0;

	o->passphrase = o->passphrases;
	do {
		gpgme_data_t input, plain;

		if (lseek(o->job->input, 0, SEEK_SET) < 0)
			return gpgme_error_from_errno(errno);
		error = gpgme_data_new_from_fd(&input, o->job->input);
		if (error != 0)
			return error;
		error = gpgme_data_new_from_cbs(&plain, &callbacks, &o->out);
		if (error == 0) {
			error = run(o, input, plain);
			gpgme_data_release(plain);
		}
		gpgme_data_release(input);
		o->passphrase += strlen(o->passphrase) + 1;
	} while (gpgme_err_code(error) == GPG_ERR_BAD_PASSPHRASE && o->passphrase[0] != '\0' &&
	         o->out.left == o->job->limit);
	return error;
}

static enum openpgp_end
open_file(struct opening *o)
{
	gpgme_error_t error = run_each(o);
	gpgme_decrypt_result_t decrypted = o->job->encrypted ? gpgme_op_decrypt_result(o->keys.gpg) : NULL;
	gpgme_verify_result_t verified = gpgme_op_verify_result(o->keys.gpg);
	enum openpgp_end end;
	const char *besides;

	if (error != 0 || o->out.too_long || o->out.error != 0)
		return judge_error(o, error);
	if (decrypted != NULL && decrypted->legacy_cipher_nomdc)
		return tell(o, OPENPGP_REFUSED, "the encryption does not protect the content against changes");
	if (verified != NULL)
		gpgme_result_ref(verified); /* looking keys up would take it away */
	end = signatures_check(&o->keys, o->job, verified, o->why, o->why_size);
	if (verified != NULL)
		gpgme_result_unref(verified);
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
	keyring_free(&o.keys);
	gpgme_release(o.keys.gpg);
	explicit_bzero(o.passphrases, sizeof(o.passphrases));
	return end;
}
