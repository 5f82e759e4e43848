/* Files of the machine: read whole with a bound (configuration, users, seeds), and written. Thread-safe. */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"

/* Opens a regular file for reading, close-on-exec; the descriptor is the caller's. Other kinds are refused, so that
 * a pipe in a folder blocks nobody. -1 with ERR_NOT_FOUND when there is none, else ERR_INTERNAL, ERR_UNAVAILABLE
 * (err_errno) or ERR_BAD_REQUEST, which name the path. */
int file_open(const char *path, struct err *err);

/* read(2), repeated after interruptions: returns the bytes read, 0 at the end, -1 with err, which names the path. */
ssize_t file_read_some(int fd, const char *path, void *bytes, size_t len, struct err *err);

/* Appends the whole file to out; ERR_TOO_LARGE when it has more than max bytes. */
int file_read(const char *path, size_t max, struct buf *out, struct err *err);

/* Gives what root has made in another user's folder to that user, so that a server that does not run as root can use
 * it. fd: the new file; folder: a descriptor of the folder, opened with O_PATH or otherwise. Does nothing for
 * anybody but root. 0, or non-zero with errno. */
int file_give(int fd, int folder);

/* Makes the names in a folder durable: what was made, renamed or removed there. One that may be written, but not read,
 * and one of a file system that syncs no folders, is left to that, which writes it out in its own time. 0, or non-zero
 * with errno. */
int file_sync_folder(const char *path);

/* write(2), repeated until everything is written: 0, or non-zero with errno after a part was written. */
int file_write(int fd, const void *bytes, size_t len);

#endif
