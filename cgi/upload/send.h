/* Sends images to a dataset, several at once, each repeated while the server is down. One thread. */
#ifndef UPLOAD_SEND_H
#define UPLOAD_SEND_H

#include "remote.h"
#include "source.h"

enum { SEND_JOBS_MAX = 64 };

/* Sends the images of `source` that `remote` lacks, and reports each to *report. Ends early, cutting off the images
 * on their way, when server->stopped is set. Fails when going on is of no use: the password is wrong, the user may
 * not upload, the disk is full, the server stays away, the archive is broken. */
int send_all(struct remote *remote, struct source *source, struct report *report, int jobs, struct err *err);

#endif
