/* Lists the samples in SQLite whose files could not be read. */
#include "dataset/sqlite/internal.h"

int sqlite_unreadable(struct dataset *dataset, int64_t after, size_t limit, struct sample **out, size_t *count,
                      struct err *err)
{
	return samples_page(dataset,
	                    "SELECT " SAMPLE_COLUMNS " FROM samples INDEXED BY samples_unreadable WHERE state = 3 AND id > ?"
	                    " ORDER BY id LIMIT ?",
	                    after, limit, out, count, err);
}
