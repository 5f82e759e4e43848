/* Which content a sample's image has now. Thread-safe. */
#ifndef FASTCGI_CONTENT_H
#define FASTCGI_CONTENT_H

#include "blob/locate.h"
#include "dataset/dataset.h"

/* Names the content, and the dataset it is in: another one whenever the image may look otherwise. It follows from the
 * SHA-256 of a stored image, and by a stat of a file in base_dir: inode, size and times, of which nobody sets that
 * of the last change. */
enum { CONTENT_VERSION_MAX = 33 };

/* Of a sample whose image was found. */
void content_version(const struct dataset_place *place, const struct sample *sample, const struct located *file,
                     char out[CONTENT_VERSION_MAX]);
/* Without a look whether the image may be had: "" when there is none. */
void content_version_told(const struct dataset_place *place, const struct sample *sample,
                          char out[CONTENT_VERSION_MAX]);

/* Whether a change after this version would give another one: a file's time of change has a grain. */
bool content_is_settled(const struct sample *sample, const struct located *file);

#endif
