/*
 * The spool's directories, held open: handback never joins a partner's name to
 * a path of its own.  docs/architecture.md, "The spool", says what lies where.
 */
#ifndef HANDBACK_SPOOL_SPOOL_H
#define HANDBACK_SPOOL_SPOOL_H

struct spool {
	int root;
	int work;
	int archive;
	int quarantine;
};

/* Opens the spool at a path, making what is missing (mode 0700).  0, or -1 with errno. */
int spool_open(const char *path, struct spool *ret);
void spool_close(struct spool *s);

#endif
