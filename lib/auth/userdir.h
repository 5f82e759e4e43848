/* The folder of user files: held by one process at a time, its files replaced whole and durably.
 *
 * Files that root makes belong to the folder's owner, so that a server that does not run as root can read them. */
#ifndef AUTH_USERDIR_H
#define AUTH_USERDIR_H

#include <cjson/cJSON.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"

struct userdir {
	const char *path; /* belongs to the caller */
	int fd;
	int lock_fd;  /* holds a flock, which ends with the process */
	char **names; /* the folder's *.json that are not hidden, in byte order */
	size_t count;
};

/* Opens and locks the folder (waits while another process holds it) and lists it. */
int userdir_open(struct userdir *dir, const char *path, struct err *err);
void userdir_close(struct userdir *dir);

/* Appends a file's bytes, at most out->max; ERR_NOT_FOUND. */
int userdir_read(const struct userdir *dir, const char *name, struct buf *out, struct err *err);
/* Reads a file's JSON object, which is the caller's; NULL with err, which names the file and the line. */
cJSON *userdir_json(const struct userdir *dir, const char *name, struct err *err);
/* Replaces or makes a file, mode 0600, by rename, and syncs it; does nothing when it holds these bytes already. */
int userdir_write(const struct userdir *dir, const char *name, const char *bytes, size_t len,
                  struct err *err);
/* Removes a file; one that does not exist is no error. */
int userdir_remove(const struct userdir *dir, const char *name, struct err *err);

#endif
