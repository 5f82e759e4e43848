/* Unpacks an archive for another program, which starts it: confined, by messages on a socket. */
#include <signal.h>
#include <sys/prctl.h>

#include "base/confine.h"
#include "base/memory.h"
#include "intake/archive_name.h"
#include "unpack/tell.h"
#include "worker.h"

/* What compressions need most are zstd's window (ARCHIVE_WINDOW_MAX) and, in a zip, a dictionary of LZMA or PPMd,
 * mostly below 256 MiB; the libraries map some 60 MiB. */
static const struct confinement confinement = {.name = "unpack", .memory_mib = 512};

/* Everything is loaded before the process is confined: nothing can be opened any more then. */
static int prepare(struct unpack *unpack, struct err *err)
{
	static struct unpacker_limits told;
	static struct config_list skip;

	prctl(PR_SET_PDEATHSIG, SIGKILL); /* never longer than the thread that waits for it */
	if (confine_files(&confinement, err) || worker_hear(&told, sizeof(told), NULL, 0) != sizeof(told))
		return -1;
	for (size_t i = 0; i < told.skip_count; i++)
		skip.item[skip.count++] = told.skip[i];
	const struct archive_limits limits = {.entries = told.entries,
	                                      .entry_bytes = told.entry_bytes,
	                                      .skip = &skip,
	                                      .names = *told.names ? told.names : NULL};
	archive_name_load(limits.names);
	return archive_reader_open(&unpack->reader, unpack_source, unpack, &limits, err) ||
	       confine_calls(&confinement, err);
}

static int unpack_run(void)
{
	struct unpack *unpack = memory_new(1, sizeof(*unpack));
	struct err err = {.code = ERR_INTERNAL};

	int failed = prepare(unpack, &err);
	failed = worker_tell_ready(failed ? &err : NULL) || failed;
	if (!failed)
		unpack_tell_all(unpack);
	return failed;
}

int main(int argc, char **argv)
{
	return worker_main("unpack", "an archive unpacked", false, unpack_run, argc, argv);
}
