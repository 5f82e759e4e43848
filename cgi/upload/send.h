/* Sends images to a dataset, several at once, each repeated while the server is down. One thread. */
#ifndef UPLOAD_SEND_H
#define UPLOAD_SEND_H

#include "remote.h"
#include "source.h"

enum { SEND_JOBS_MAX = 64 };

/* Sends what `source` has and `remote` lacks, and reports each to *report. Ends early, those on their way cut off, when
 * server->stopped is set. -1 when going on would be of no use: the password is wrong, the user may not, the disk is
 * full, the server stays away, the archive is broken. */
int send_all(struct remote *remote, struct source *source, struct report *report, int jobs, struct err *err);

#endif
