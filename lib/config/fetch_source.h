/*
 * One run of handback-fetch as a source's configuration has it: fills lib/protocol's struct, which knows of
 * no configuration.  It stands here, and not beside the daemon's SFTP, because handbackctl probes a source by
 * it too. The descriptors are opened here, so that the fetcher gets the one key and the one directory that
 * are its own.
 */
#ifndef HANDBACK_CONFIG_FETCH_SOURCE_H
#define HANDBACK_CONFIG_FETCH_SOURCE_H

#include "lib/config/config.h"
#include "lib/protocol/fetch_job.h"

/* The job as packets to be sent, *turn as if they were.  False, with a sentence in why[], when a file cannot
 * be opened, a value is out of bounds, or there is no memory. */
bool fetch_source_job(struct channel_packets *ret, int *turn, const struct config_source *source,
                      enum fetch_mode mode, bool may_write, char *why, size_t why_size);

/*
 * spool/incoming/<source>, made where it is not there: the group's to write, since the fetcher may be another
 * user of that group.  The directory above lets nobody in: whose directory it is says its descriptor, in the
 * job.  The descriptor, or -1 with errno.
 */
int fetch_source_directory(const struct config_source *source);

#endif
