/* Checks what lies beside the datasets: objects of the image store that belong to nothing, and this machine's
 * thumbnails. */
#ifndef ADMIN_CHECK_REST_H
#define ADMIN_CHECK_REST_H

#include "check_dataset.h"

/* Call it when every dataset was checked: only then is it known what belongs to none. An object younger than
 * older_than seconds may belong to an upload under way. With repair removes those that this program has named itself,
 * while no upload on this machine (state_dir) stores them. */
int check_orphans(struct check *check, const char *state_dir, int64_t older_than, struct err *err);
/* Of datasets and samples that are no more. With repair removes them. */
int check_thumbs(struct check *check, const char *state_dir, struct err *err);

#endif
