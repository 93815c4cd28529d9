/* Listings, attributes, small writes, renames: each one question and its answer. */
#include <fcntl.h>

#include "fetch/remote_internal.h"
#include "fetch/watch.h"

/* What the last failed call means, with remote_why set. */
static enum remote_status
status_of(struct remote *r)
{
	char shown[TEXT_SHOWN_SIZE];
	remote_fail(r, "%s", remote_libssh_why(r, shown));
	if (watch_expired() != NULL || !ssh_is_connected(r->session))
		return REMOTE_CUT;
	switch (sftp_get_error(r->sftp)) {
	case SSH_FX_NO_SUCH_FILE:
	case SSH_FX_NO_SUCH_PATH:
		return REMOTE_ABSENT;
	case SSH_FX_PERMISSION_DENIED:
	case SSH_FX_WRITE_PROTECT:
		return REMOTE_DENIED;
	case SSH_FX_NO_CONNECTION:
	case SSH_FX_CONNECTION_LOST:
	case SSH_FX_BAD_MESSAGE:
		return REMOTE_CUT;
	default:
		/* a broken answer looks like a broken line: nothing after it can be trusted */
		return ssh_get_error_code(r->session) == SSH_FATAL ? REMOTE_CUT : REMOTE_REFUSED;
	}
}

enum remote_status
remote_sftp_status(struct remote *r, bool ok)
{
	watch_progress(0);
	return ok ? REMOTE_OK : status_of(r);
}

static void
read_attributes(const struct sftp_attributes_struct *a, struct remote_attributes *ret)
{
	*ret = (struct remote_attributes){.type = REMOTE_TYPE_UNTOLD};
	if (a->flags & SSH_FILEXFER_ATTR_PERMISSIONS) {
		ret->type = a->type == SSH_FILEXFER_TYPE_REGULAR     ? REMOTE_FILE
		            : a->type == SSH_FILEXFER_TYPE_DIRECTORY ? REMOTE_DIRECTORY
		                                                     : REMOTE_OTHER;
	}
	ret->has_size = (a->flags & SSH_FILEXFER_ATTR_SIZE) != 0;
	ret->size = a->size;
	ret->has_mtime = (a->flags & SSH_FILEXFER_ATTR_ACMODTIME) != 0;
	ret->mtime = (int64_t) a->mtime;
}

enum remote_status
remote_list(struct remote *r, const char *directory)
{
	remote_list_end(r);
	r->dir = sftp_opendir(r->sftp, directory);
	return remote_sftp_status(r, r->dir != NULL);
}

enum remote_status
remote_list_next(struct remote *r, const char **ret_name, struct remote_attributes *ret)
{
	for (;;) {
		sftp_attributes_free(r->entry);
		if (watch_expired() != NULL) {
			r->entry = NULL;
			return status_of(r);
		}
		r->entry = sftp_readdir(r->sftp, r->dir);
		watch_progress(0);
		if (r->entry == NULL)
			return sftp_dir_eof(r->dir) ? REMOTE_END : status_of(r);
		const char *name = r->entry->name != NULL ? r->entry->name : "";
		if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
			continue;
		read_attributes(r->entry, ret);
		*ret_name = name;
		return REMOTE_OK;
	}
}

void
remote_list_end(struct remote *r)
{
	if (r->entry != NULL)
		sftp_attributes_free(r->entry);
	r->entry = NULL;
	if (r->dir != NULL)
		sftp_closedir(r->dir);
	r->dir = NULL;
}

static enum remote_status
take_attributes(struct remote *r, sftp_attributes a, struct remote_attributes *ret)
{
	enum remote_status status = remote_sftp_status(r, a != NULL);
	if (a != NULL)
		read_attributes(a, ret);
	sftp_attributes_free(a);
	return status;
}

enum remote_status
remote_stat(struct remote *r, const char *path, struct remote_attributes *ret)
{
	return take_attributes(r, sftp_lstat(r->sftp, path), ret);
}

enum remote_status
remote_read_stat(struct remote *r, struct remote_attributes *ret)
{
	return take_attributes(r, sftp_fstat(r->file), ret);
}

enum remote_status
remote_write(struct remote *r, const char *path, const void *bytes, size_t len)
{
	sftp_file file = sftp_open(r->sftp, path, O_WRONLY | O_CREAT | O_EXCL, 0660);
	enum remote_status status = remote_sftp_status(r, file != NULL);
	if (status != REMOTE_OK)
		return status;
	const char *at = bytes;
	while (len > 0) {
		ssize_t n = sftp_write(file, at, len < REMOTE_CHUNK ? len : REMOTE_CHUNK);
		status = remote_sftp_status(r, n > 0);
		if (n <= 0)
			break;
		at += n;
		len -= (size_t) n;
	}
	/* some servers report only here that nothing was kept */
	if (sftp_close(file) != SSH_OK && status == REMOTE_OK)
		status = remote_sftp_status(r, false);
	return status;
}

enum remote_status
remote_rename(struct remote *r, const char *from, const char *to)
{
	return remote_sftp_status(r, sftp_rename(r->sftp, from, to) == SSH_OK);
}

enum remote_status
remote_remove(struct remote *r, const char *path)
{
	return remote_sftp_status(r, sftp_unlink(r->sftp, path) == SSH_OK);
}

bool
remote_extension(const struct remote *r, unsigned i, char *buf, size_t size)
{
	if (r->sftp == NULL || i >= sftp_extensions_get_count(r->sftp))
		return false;
	const char *name = sftp_extensions_get_name(r->sftp, i);
	const char *data = sftp_extensions_get_data(r->sftp, i);
	char whole[LIMIT_SHOWN_BYTES];
	snprintf(whole, sizeof(whole), "%s %s", name != NULL ? name : "", data != NULL ? data : "");
	text_escape(buf, size, whole, strlen(whole));
	return true;
}

int64_t
remote_read_limit(const struct remote *r)
{
	int64_t most = 0;
#if REMOTE_HAS_AIO
	sftp_limits_t limits = sftp_limits(r->sftp);
	if (limits && limits->max_read_length <= INT64_MAX)
		most = (int64_t) limits->max_read_length;
	sftp_limits_free(limits);
#else
	(void) r;
#endif
	return most;
}
