/* The step "copy": the bytes in an inode of our own, and on the disk before the database knows of them. */
#include <errno.h>
#include <string.h>

#include "reconcile/file/job_internal.h"

static enum job_end
end_of(enum copy_end end)
{
	switch (end) {
	case COPY_DONE:
		return JOB_DONE;
	case COPY_GONE:
		return JOB_GONE;
	case COPY_BUSY:
		return JOB_BUSY;
	case COPY_FAILED:
		break;
	}
	return JOB_FAILED;
}

static enum copy_end
take(struct job_work *w, const char *name)
{
	enum copy_end end = copy_take(&w->r->spool, w->job->dir, name, w->r->profile.profile->policy.file_bytes,
	                              &w->copy, w->result->why);

	if (end != COPY_DONE)
		return end;
	memcpy(w->delivery.sha256, w->copy.sha256, sizeof(w->delivery.sha256));
	w->delivery.bytes = w->copy.bytes;
	return COPY_DONE;
}

enum job_end
job_copy(struct job_work *w)
{
	const struct job *job = w->job;
	enum copy_end end = take(w, job->name);

	if (end == COPY_DONE && job->checksum != NULL)
		end = copy_sidecar(job->dir, job->name, job->checksum, w->stated, w->result->why);
	return end_of(end);
}

enum job_end
job_copy_kept(struct job_work *w)
{
	const struct job *job = w->job;
	enum copy_end end = take(w, job->kept);

	if (end == COPY_DONE && memcmp(job->sha256, w->copy.sha256, SHA256_BYTES) != 0)
		return job_fail(w->result, "its copy is not what was delivered", job->kept);
	return end_of(end);
}

enum job_end
job_keep(struct job_work *w)
{
	if (!w->synced && copy_sync(&w->copy) < 0)
		return job_fail(w->result, "cannot keep the copy", strerror(errno));
	w->synced = true;
	return JOB_DONE;
}
