/* Which content a sample's image has now. Thread-safe. */
#ifndef FASTCGI_CONTENT_H
#define FASTCGI_CONTENT_H

#include "blob/locate.h"
#include "dataset/dataset.h"

/* A name of the image's content and its dataset, which changes whenever the image may look different. It is computed
 * from the SHA-256 of a stored image, or from the inode, size and times of a file in base_dir; the time of its last
 * change cannot be set by anyone. */
enum { CONTENT_VERSION_MAX = 33 };

/* For a sample whose image was found. */
void content_version(const struct dataset_place *place, const struct sample *sample, const struct located *file,
                     char out[CONTENT_VERSION_MAX]);
/* Does not check whether the image can be read; "" when there is none. */
void content_version_told(const struct dataset_place *place, const struct sample *sample,
                          char out[CONTENT_VERSION_MAX]);

/* Whether any later change would give another version: a file's time of change is only so exact. */
bool content_is_settled(const struct sample *sample, const struct located *file);

#endif
