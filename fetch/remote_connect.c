/* From a host name to a session whose host key is the one that was pinned. */
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fetch/remote_internal.h"
#include "fetch/watch.h"

/*
 * What we accept unless the configuration says otherwise: no SHA-1, no CBC, no
 * DSA, no RSA below 2048 bits.  chacha20-poly1305 is left out because a server
 * without strict key exchange would be open to prefix truncation (CVE-2023-48795).
 */
#define KEX                                                                                                  \
	"curve25519-sha256,curve25519-sha256@libssh.org,ecdh-sha2-nistp256,ecdh-sha2-nistp384,"                  \
	"ecdh-sha2-nistp521,diffie-hellman-group18-sha512,diffie-hellman-group16-sha512,"                        \
	"diffie-hellman-group14-sha256"
#define CIPHERS "aes256-gcm@openssh.com,aes128-gcm@openssh.com,aes256-ctr,aes192-ctr,aes128-ctr"
#define MACS "hmac-sha2-256-etm@openssh.com,hmac-sha2-512-etm@openssh.com,hmac-sha2-256,hmac-sha2-512"
#define HOST_KEY_TYPES                                                                                       \
	"ssh-ed25519,ecdsa-sha2-nistp256,ecdsa-sha2-nistp384,ecdsa-sha2-nistp521,rsa-sha2-512,rsa-sha2-256"
#define RSA_MIN_BITS 2048
#define NO_TIMEOUT_S (24 * 3600) /* longer than any run; libssh takes 0 for ten seconds */

struct remote *
remote_new(void)
{
	struct remote *r = calloc(1, sizeof(*r));
	if (r != NULL)
		r->fd = -1;
	return r;
}

void
remote_free(struct remote *r)
{
	if (r == NULL)
		return;
	/* a stalled server would make the goodbyes of libssh wait: not for longer than this */
	if (r->fd >= 0)
		shutdown(r->fd, SHUT_RD);
	remote_read_close(r);
	remote_list_end(r);
	sftp_free(r->sftp);
	watch_socket(-1);
	if (r->session != NULL) {
		ssh_disconnect(r->session);
		ssh_free(r->session);
	} else if (r->fd >= 0) {
		close(r->fd);
	}
	for (size_t i = 0; i < REMOTE_DEPTH; i++)
		free(r->ring[i].kept);
	free(r);
}

/* One address; -1 with errno. */
static int
connect_address(const struct addrinfo *a, int64_t until)
{
	int fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -1;
	if (connect(fd, a->ai_addr, a->ai_addrlen) == 0)
		return fd;
	int error = errno;
	while (error == EINPROGRESS) {
		int64_t left = until - watch_now_ms();
		struct pollfd p = {.fd = fd, .events = POLLOUT};
		int n = left > 0 && watch_expired() == NULL ? poll(&p, 1, (int) left) : 0;
		if (n < 0 && errno == EINTR)
			continue;
		socklen_t size = sizeof(error);
		if (n == 0)
			error = ETIMEDOUT;
		else if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size))
			error = errno;
	}
	if (error == 0)
		return fd;
	close(fd);
	errno = error;
	return -1;
}

static bool
connect_host(struct remote *r, const struct remote_target *t)
{
	char port[8];
	snprintf(port, sizeof(port), "%d", t->port);
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV | AI_ADDRCONFIG};
	struct addrinfo *list;
	int rc = getaddrinfo(t->host, port, &hints, &list);
	if (rc)
		return remote_fail(r, "%s: %s", t->host, gai_strerror(rc));
	int error = 0;
	int64_t until = watch_now_ms() + t->connect_ms;
	for (const struct addrinfo *a = list; a != NULL && r->fd < 0; a = a->ai_next) {
		r->fd = connect_address(a, until);
		error = errno;
	}
	freeaddrinfo(list);
	if (r->fd < 0)
		return remote_fail(r, "%s port %d: %s", t->host, t->port, strerror(error));
	/* requests are small and many: waiting to fill a packet costs nine tenths of the speed */
	int on = 1;
	setsockopt(r->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	watch_socket(r->fd);
	return true;
}

/* The key types that the pins name; a pin without a type leaves the choice open. */
static const char *
pinned_types(const struct remote_target *t, char *buf, size_t size)
{
	size_t used = 0;
	for (size_t i = 0; i < t->pin_count; i++) {
		const char *space = strchr(t->pins[i], ' ');
		if (space == NULL)
			return NULL;
		int len = (int) (space - t->pins[i]);
		/* an ssh-rsa key signs by SHA-2 under another name */
		bool rsa = len == 7 && strncmp(t->pins[i], "ssh-rsa", 7) == 0;
		int n = rsa ? snprintf(buf + used, size - used, "%srsa-sha2-512,rsa-sha2-256", used ? "," : "")
		            : snprintf(buf + used, size - used, "%s%.*s", used ? "," : "", len, t->pins[i]);
		if (n < 0 || (size_t) n >= size - used)
			return NULL;
		used += (size_t) n;
	}
	return used ? buf : NULL;
}

/* Everything that libssh would otherwise take from the user's or the system's files. */
static bool
set_options(struct remote *r, const struct remote_target *t)
{
	int off = 0, strict = 1, bits = RSA_MIN_BITS;
	long seconds = (long) ((t->connect_ms + 999) / 1000);
	char known_hosts[32] = "/dev/null", types[512];
	if (t->known_hosts_fd >= 0)
		snprintf(known_hosts, sizeof(known_hosts), "/proc/self/fd/%d", t->known_hosts_fd);
	const char *host_key_types =
	    t->host_key_types != NULL ? t->host_key_types : pinned_types(t, types, sizeof(types));
	const struct {
		enum ssh_options_e option;
		const void *value;
	} options[] = {
	    {SSH_OPTIONS_PROCESS_CONFIG, &off},
	    {SSH_OPTIONS_SSH_DIR, "/nonexistent"},
	    {SSH_OPTIONS_FD, &r->fd},
	    {SSH_OPTIONS_HOST, t->host},
	    {SSH_OPTIONS_PORT, &t->port},
	    {SSH_OPTIONS_USER, t->user},
	    {SSH_OPTIONS_TIMEOUT, &seconds},
	    {SSH_OPTIONS_STRICTHOSTKEYCHECK, &strict},
	    {SSH_OPTIONS_KNOWNHOSTS, known_hosts},
	    {SSH_OPTIONS_GLOBAL_KNOWNHOSTS, "/dev/null"},
	    {SSH_OPTIONS_KEY_EXCHANGE, t->kex != NULL ? t->kex : KEX},
	    {SSH_OPTIONS_CIPHERS_C_S, t->ciphers != NULL ? t->ciphers : CIPHERS},
	    {SSH_OPTIONS_CIPHERS_S_C, t->ciphers != NULL ? t->ciphers : CIPHERS},
	    {SSH_OPTIONS_HMAC_C_S, t->macs != NULL ? t->macs : MACS},
	    {SSH_OPTIONS_HMAC_S_C, t->macs != NULL ? t->macs : MACS},
	    {SSH_OPTIONS_HOSTKEYS, host_key_types != NULL ? host_key_types : HOST_KEY_TYPES},
	    {SSH_OPTIONS_PUBLICKEY_ACCEPTED_TYPES, HOST_KEY_TYPES},
	    {SSH_OPTIONS_COMPRESSION, "no"},
	    {SSH_OPTIONS_RSA_MIN_SIZE, &bits},
	};
	for (size_t i = 0; i < sizeof(options) / sizeof(*options); i++) {
		if (ssh_options_set(r->session, options[i].option, options[i].value) != SSH_OK) {
			char shown[TEXT_SHOWN_SIZE];
			return remote_fail(r, "option %d cannot be set: %s", (int) options[i].option,
			                   remote_libssh_why(r, shown));
		}
	}
	return true;
}

/* Reads the server's key into fingerprint and host_key_type. */
static bool
note_host_key(struct remote *r)
{
	ssh_key key = NULL;
	unsigned char *hash = NULL;
	size_t len = 0;
	char *text = NULL;
	if (ssh_get_server_publickey(r->session, &key) == SSH_OK &&
	    ssh_get_publickey_hash(key, SSH_PUBLICKEY_HASH_SHA256, &hash, &len) == 0)
		text = ssh_get_fingerprint_hash(SSH_PUBLICKEY_HASH_SHA256, hash, len);
	if (text != NULL) {
		const char *type = ssh_key_type_to_char(ssh_key_type(key));
		snprintf(r->fingerprint, sizeof(r->fingerprint), "%s", text);
		snprintf(r->host_key_type, sizeof(r->host_key_type), "%s", type != NULL ? type : "unknown");
	}
	ssh_string_free_char(text);
	ssh_clean_pubkey_hash(&hash);
	ssh_key_free(key);
	return r->fingerprint[0] != '\0' || remote_fail(r, "the server's key cannot be read");
}

static bool
is_pinned(const struct remote *r, const struct remote_target *t)
{
	for (size_t i = 0; i < t->pin_count; i++) {
		const char *space = strchr(t->pins[i], ' ');
		if (strcmp(space != NULL ? space + 1 : t->pins[i], r->fingerprint) == 0)
			return true;
	}
	return false;
}

/* Fails closed: only a pinned key or one that stands in the known_hosts file will do. */
static bool
check_host_key(struct remote *r, const struct remote_target *t)
{
	if (t->pin_count > 0)
		return is_pinned(r, t) || remote_fail(r, "the server shows another key than the pinned ones");
	if (t->known_hosts_fd < 0)
		return remote_fail(r, "no host key is pinned and there is no known_hosts file");
	switch (ssh_session_is_known_server(r->session)) {
	case SSH_KNOWN_HOSTS_OK:
		return true;
	case SSH_KNOWN_HOSTS_CHANGED:
		return remote_fail(r, "the server shows another key than the known_hosts file has");
	case SSH_KNOWN_HOSTS_OTHER:
		return remote_fail(r, "the server shows a key of another type than the known_hosts file has");
	case SSH_KNOWN_HOSTS_UNKNOWN:
	case SSH_KNOWN_HOSTS_NOT_FOUND:
		return remote_fail(r, "the known_hosts file does not have this server");
	case SSH_KNOWN_HOSTS_ERROR:
		break;
	}
	char shown[TEXT_SHOWN_SIZE];
	return remote_fail(r, "the known_hosts file cannot be used: %s", remote_libssh_why(r, shown));
}

static bool
exchange_keys(struct remote *r, const struct remote_target *t)
{
	const long no_timeout = NO_TIMEOUT_S;
	char shown[TEXT_SHOWN_SIZE];
	r->session = ssh_new();
	if (r->session == NULL)
		return remote_fail(r, "no memory for a session");
	if (!set_options(r, t))
		return false;
	if (ssh_connect(r->session) != SSH_OK)
		return remote_fail(r, "%s port %d: %s", t->host, t->port, remote_libssh_why(r, shown));
	/* libssh obeys its own time-out in every later read too (since 0.11): from here on our watch holds the
	 * time */
	if (ssh_options_set(r->session, SSH_OPTIONS_TIMEOUT, &no_timeout) != SSH_OK)
		return remote_fail(r, "the time-out cannot be set: %s", remote_libssh_why(r, shown));
	const char *banner = ssh_get_serverbanner(r->session);
	text_show(r->banner, banner != NULL ? banner : "", banner != NULL ? strlen(banner) : 0);
	return note_host_key(r);
}

int
remote_dial(struct remote *r, const struct remote_target *t)
{
	watch_phase(WATCH_CONNECT);
	return connect_host(r, t) ? r->fd : -1;
}

bool
remote_open(struct remote *r, const struct remote_target *t, bool probe_only, enum remote_stage *ret_stage)
{
	char shown[TEXT_SHOWN_SIZE];
	*ret_stage = REMOTE_AT_CONNECT;
	watch_phase(WATCH_CONNECT);
	if (!connect_host(r, t) || !exchange_keys(r, t))
		return false;
	if (probe_only)
		return true;
	*ret_stage = REMOTE_AT_HOST_KEY;
	if (!check_host_key(r, t))
		return false;
	watch_phase(WATCH_ANSWERS);
	if (!remote_login(r, t, ret_stage))
		return false;
	*ret_stage = REMOTE_AT_SFTP;
	r->sftp = sftp_new(r->session);
	if (r->sftp == NULL || sftp_init(r->sftp) != SSH_OK)
		return remote_fail(r, "SFTP does not start: %s", remote_libssh_why(r, shown));
	watch_progress(0);
	return true;
}

const char *
remote_why(const struct remote *r)
{
	return r->why;
}

const char *
remote_fingerprint(const struct remote *r)
{
	return r->fingerprint;
}

const char *
remote_host_key_type(const struct remote *r)
{
	return r->host_key_type;
}

const char *
remote_banner(const struct remote *r)
{
	return r->banner;
}

static const char *
or_empty(const char *text)
{
	return text != NULL ? text : "";
}

const char *
remote_kex(const struct remote *r)
{
	return r->session != NULL ? or_empty(ssh_get_kex_algo(r->session)) : "";
}

const char *
remote_cipher(const struct remote *r)
{
	return r->session != NULL ? or_empty(ssh_get_cipher_in(r->session)) : "";
}

const char *
remote_mac(const struct remote *r)
{
	return r->session != NULL ? or_empty(ssh_get_hmac_in(r->session)) : "";
}
