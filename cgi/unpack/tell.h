/* What a worker that unpacks an archive asks for, and answers (intake/unpacker.h). Both end the process once nobody
 * waits for it any more. */
#ifndef UNPACK_TELL_H
#define UNPACK_TELL_H

#include "intake/unpacker.h"

struct unpack {
	struct archive_reader *reader;
	bool ended; /* the archive's bytes have */
	struct unpacker_message message;
};

/* Asks for the archive's next bytes; data is the struct unpack. */
archive_source unpack_source;
/* Tells all entries, to the end or the failure. */
void unpack_tell_all(struct unpack *unpack);

#endif
