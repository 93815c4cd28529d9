/* Our key, taken from a descriptor, and the proof of who we are. */
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fetch/remote_internal.h"
#include "fetch/watch.h"
#include "lib/base/io.h"
#include "lib/base/secret.h"

#define KEY_BYTES (64 << 10)
#define SECRET_BYTES 1024
#define QUESTION_ROUNDS 5 /* some ask, say that it was right, and ask nothing once more */

static void
forget(char *secret, size_t len)
{
	if (secret != NULL)
		explicit_bzero(secret, len);
	free(secret);
}

/* A secret that others can read is no secret: refused before anything is sent. */
static bool
is_ours_alone(struct remote *r, int fd, const char *what)
{
	struct stat st;
	if (fstat(fd, &st))
		return remote_fail(r, "%s: %s", what, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return remote_fail(r, "%s is not a regular file", what);
	if (secret_open_to(&st) != 0)
		return remote_fail(r, "%s has mode %04o: others can use it; make it 0400", what,
		                   (unsigned) st.st_mode & 07777);
	return true;
}

/* The whole file without a last line end; NULL with remote_why.  The caller forgets it. */
static char *
read_secret(struct remote *r, int fd, size_t max, const char *what)
{
	char *text;
	size_t len;
	if (!is_ours_alone(r, fd, what))
		return NULL;
	if (lseek(fd, 0, SEEK_SET) < 0 || io_read_all(fd, max, &text, &len)) {
		remote_fail(r, "%s: %s", what, strerror(errno));
		return NULL;
	}
	if (strlen(text) != len || len == 0) {
		remote_fail(r, len ? "%s has a NUL in it" : "%s is empty", what);
		forget(text, len);
		return NULL;
	}
	return text;
}

static void
cut_line_end(char *text)
{
	size_t len = strlen(text);
	if (len > 0 && text[len - 1] == '\n')
		text[--len] = '\0';
	if (len > 0 && text[len - 1] == '\r')
		text[len - 1] = '\0';
}

/* libssh asks here instead of on a terminal; nobody sits there. */
static int
no_prompt(const char *prompt, char *buf, size_t len, int echo, int verify, void *data)
{
	(void) prompt, (void) buf, (void) len, (void) echo, (void) verify, (void) data;
	return -1;
}

static ssh_key
load_key(struct remote *r, const struct remote_target *t)
{
	ssh_key key = NULL;
	char *passphrase = NULL;
	char *text = read_secret(r, t->key_fd, KEY_BYTES, "the key file");
	if (text == NULL)
		return NULL;
	if (t->passphrase_fd >= 0) {
		passphrase = read_secret(r, t->passphrase_fd, SECRET_BYTES, "the passphrase file");
		if (passphrase == NULL)
			goto out;
		cut_line_end(passphrase);
	}
	if (ssh_pki_import_privkey_base64(text, passphrase, no_prompt, NULL, &key) != SSH_OK) {
		key = NULL;
		remote_fail(r, "the key file cannot be used: %s",
		            passphrase != NULL ? "no private key, or another passphrase"
		                               : "no private key, or it wants a passphrase");
	}
out:
	forget(passphrase, passphrase != NULL ? strlen(passphrase) : 0);
	forget(text, strlen(text));
	return key;
}

/* What the server says to a proof. */
static bool
accepted(struct remote *r, int rc, const char *what)
{
	char shown[TEXT_SHOWN_SIZE];
	watch_progress(0);
	if (rc == SSH_AUTH_SUCCESS)
		return true;
	if (rc == SSH_AUTH_PARTIAL)
		return remote_fail(r, "the server wants more than %s", what);
	if (rc == SSH_AUTH_DENIED)
		return remote_fail(r, "the server does not accept %s", what);
	return remote_fail(r, "%s: %s", what, remote_libssh_why(r, shown));
}

/* Gives the password to the one hidden question that a server may ask, once.  False: it asks something else.
 */
static bool
answer_question(struct remote *r, const char *password, bool *given)
{
	char shown[TEXT_SHOWN_SIZE], echo = 1;
	int questions = ssh_userauth_kbdint_getnprompts(r->session);
	if (questions == 0)
		return true;
	const char *question = ssh_userauth_kbdint_getprompt(r->session, 0, &echo);
	if (questions != 1 || echo || *given)
		return remote_fail(
		    r, "the server asks for more than a password: \"%s\"",
		    text_show(shown, question != NULL ? question : "", question != NULL ? strlen(question) : 0));
	*given = true;
	watch_progress(0);
	return ssh_userauth_kbdint_setanswer(r->session, 0, password) == 0 ||
	       remote_fail(r, "the password cannot be sent");
}

/* The same password where a server has no other way to ask for it (keyboard-interactive, RFC 4256). */
static bool
login_by_questions(struct remote *r, const char *password)
{
	bool given = false;
	int rc = SSH_AUTH_INFO;
	for (int round = 0; round < QUESTION_ROUNDS; round++) {
		rc = ssh_userauth_kbdint(r->session, NULL, NULL);
		if (rc != SSH_AUTH_INFO)
			return accepted(r, rc, "the password");
		if (!answer_question(r, password, &given))
			return false;
	}
	return remote_fail(r, "the server asks without end");
}

static bool
login_by_password(struct remote *r, const struct remote_target *t, enum remote_stage *ret_stage)
{
	char *password = read_secret(r, t->password_fd, SECRET_BYTES, "the password file");
	if (password == NULL)
		return false;
	*ret_stage = REMOTE_AT_LOGIN;
	cut_line_end(password);
	/* what it lets us use it says with its first refusal: that of our key, or of nothing */
	int rc = t->key_fd < 0 ? ssh_userauth_none(r->session, NULL) : SSH_AUTH_DENIED;
	unsigned ways = (unsigned) ssh_userauth_list(r->session, NULL);
	bool ok;
	if (rc == SSH_AUTH_SUCCESS || rc == SSH_AUTH_ERROR)
		ok = accepted(r, rc, "the login");
	else if ((ways & SSH_AUTH_METHOD_INTERACTIVE) && !(ways & SSH_AUTH_METHOD_PASSWORD))
		ok = login_by_questions(r, password);
	else
		ok = accepted(r, ssh_userauth_password(r->session, NULL, password), "the password");
	forget(password, strlen(password));
	return ok;
}

bool
remote_login(struct remote *r, const struct remote_target *t, enum remote_stage *ret_stage)
{
	*ret_stage = REMOTE_AT_KEY_FILE;
	if (t->key_fd < 0 && t->password_fd < 0)
		return remote_fail(r, "there is neither a key nor a password");
	if (t->key_fd >= 0) {
		ssh_key key = load_key(r, t);
		if (key == NULL)
			return false;
		*ret_stage = REMOTE_AT_LOGIN;
		int rc = ssh_userauth_publickey(r->session, NULL, key);
		ssh_key_free(key);
		/* some servers want the key and then the password */
		if (rc != SSH_AUTH_PARTIAL || t->password_fd < 0)
			return accepted(r, rc, "the key");
	}
	return login_by_password(r, t, ret_stage);
}
