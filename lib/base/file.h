/* Files of the machine: read whole with a bound (configuration, users, seeds), and written. Thread-safe. */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"

/* Opens for reading; the descriptor is the caller's, close-on-exec. Only regular files are opened, so that
 * a pipe laid into a folder blocks nobody. -1 with ERR_NOT_FOUND when there is none, else ERR_INTERNAL or
 * ERR_BAD_REQUEST, the path named. */
int file_open(const char *path, struct err *err);

/* read(2), over interruptions: bytes read, 0 at the end, -1 with err naming the path. */
ssize_t file_read_some(int fd, const char *path, void *bytes, size_t len, struct err *err);

/* Appends the whole file to out; ERR_TOO_LARGE when it is more than max bytes. */
int file_read(const char *path, size_t max, struct buf *out, struct err *err);

/* What root makes in somebody else's folder is given to that one, so that a server that does not run as root can use
 * it. fd: what was made; folder: a descriptor of the folder, opened with O_PATH or otherwise. Nothing for others than
 * root. 0, or -1 with errno. */
int file_give(int fd, int folder);

/* write(2) until all is written, over interruptions: 0, or -1 with errno and some of it written. */
int file_write(int fd, const void *bytes, size_t len);

#endif
