/* What became of an archive's entries, by path, for the hard links to them: a link has the bytes of its target,
 * which came earlier.
 *
 * 24 bytes an entry. One thread. */
#ifndef INTAKE_ARCHIVE_LINKS_H
#define INTAKE_ARCHIVE_LINKS_H

#include <stdbool.h>
#include <stdint.h>

struct archive_links;

struct archive_links *archive_links_new(void);
void archive_links_free(struct archive_links *links); /* NULL is fine */

/* A later entry with the same path replaces an earlier one. */
void archive_links_set(struct archive_links *links, const char *path, int64_t value);
bool archive_links_get(const struct archive_links *links, const char *path, int64_t *value);

#endif
